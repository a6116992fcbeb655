import { z } from 'zod';
import type { PromotedProperty } from '../../domain/ports/audience.ts';
import type { ApiDeps } from '../deps.ts';
import { text } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';

const promoted = z
  .strictObject({
    event: text(128),
    property: text(128).regex(
      /^[^.$]+$/,
      'must not hold a dot or a dollar sign: such a name cannot be indexed',
    ),
  })
  .meta({ id: 'PromotedProperty' });

const status = z.object({
  rebuilding: z.boolean().describe('Whether this instance makes it anew right now'),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  profiles: z.number().int().optional().describe('How many the last one went through'),
  fault: z.string().optional().describe('Why the last one broke off'),
});

interface Rebuild {
  rebuilding: boolean;
  startedAt?: Date;
  finishedAt?: Date;
  profiles?: number;
  fault?: string;
}

/** `/v1/promoted-properties` and `/v1/rollup`: what makes segments quick. */
export function rollupRoutes(deps: ApiDeps): Route[] {
  let last: Rebuild = { rebuilding: false };

  const rebuild = async (startedAt: Date): Promise<void> => {
    try {
      const profiles = await deps.rollup.rebuild();
      last = { rebuilding: false, startedAt, finishedAt: deps.clock.now(), profiles };
    } catch (error) {
      deps.log.error({ err: error }, 'rebuilding the roll-up broke off');
      const fault = error instanceof Error ? error.message : String(error);
      last = { rebuilding: false, startedAt, finishedAt: deps.clock.now(), fault };
    }
  };

  return [
    defineRoute({
      method: 'get',
      path: '/v1/promoted-properties',
      tag: 'Segments',
      summary: 'List event properties with an index of their own',
      access: 'key',
      answers: { 200: { description: 'All of them', schema: z.object({ data: z.array(promoted) }) } },
      async handle() {
        return { status: 200, body: { data: await deps.promoted.list() } };
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/promoted-properties',
      tag: 'Segments',
      summary: 'Promote a property of an event',
      description:
        'Builds an index, so that segments which filter this event by this property are answered quickly. It answers ' +
        'when the index is there, which takes minutes with very many events; calls go on meanwhile. At most 20.',
      access: 'key',
      body: promoted,
      examples: { amount: { summary: 'By amount', value: { event: 'Charged', property: 'Amount' } } },
      answers: { 201: { description: 'Promoted', schema: promoted } },
      async handle({ body }) {
        if ((await deps.promoted.promote(body)) === 'full')
          throw new Problem('too_many', 'there are 20 promoted properties already; demote one first');
        return { status: 201, body };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/promoted-properties',
      tag: 'Segments',
      summary: 'Take the index of a property away',
      access: 'key',
      body: promoted,
      answers: { 204: { description: 'Demoted' } },
      async handle({ body }: { body: PromotedProperty }) {
        if (!(await deps.promoted.demote(body)))
          throw new Problem('not_found', `${body.property} of ${body.event} is not promoted`);
        return { status: 204 };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/rollup',
      tag: 'Segments',
      summary: 'How the last rebuild went',
      access: 'key',
      answers: { 200: { description: 'The last one of this instance', schema: status } },
      handle: () => Promise.resolve({ status: 200, body: last }),
    }),
    defineRoute({
      method: 'post',
      path: '/v1/rollup/rebuild',
      tag: 'Segments',
      summary: 'Make the roll-up anew from the events',
      description:
        'For when the counts are in doubt, such as after events were written to the database by hand. Segments go on ' +
        'being answered, and events being taken.',
      access: 'key',
      answers: { 202: { description: 'Begun', schema: status } },
      handle() {
        if (last.rebuilding)
          throw new Problem('rebuild_in_progress', 'a rebuild is under way on this instance');
        const startedAt = deps.clock.now();
        last = { rebuilding: true, startedAt };
        void rebuild(startedAt);
        return Promise.resolve({ status: 202, body: last });
      },
    }),
  ];
}
