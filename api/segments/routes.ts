import { z } from 'zod';
import type { SavedSegment } from '../../domain/ports/segments.ts';
import type { Segment } from '../../domain/audience/segment.ts';
import type { ApiDeps } from '../deps.ts';
import { id, pageOf, pageQuery, text } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { estimate, reachView } from './estimate.ts';
import { estimateExamples, segmentExamples } from './examples.ts';
import { inUse, referenceFaults, withSegment } from './references.ts';
import { segment } from './schemas.ts';

const params = z.strictObject({ id });
const segmentInput = z.strictObject({ name: text(200), segment }).meta({ id: 'SavedSegmentInput' });
const instantText = z.iso.datetime();
const segmentView = z
  .object({ id, name: z.string(), segment, createdAt: instantText, updatedAt: instantText })
  .meta({ id: 'SavedSegment' });

/** `/v1/segments`: segments saved under a name, and how many any segment holds. */
export function segmentRoutes(deps: ApiDeps): Route[] {
  const saved = async (segmentId: string): Promise<SavedSegment> => {
    const found = await deps.segments.byId(segmentId);
    if (!found) throw new Problem('not_found', `there is no segment ${segmentId}`);
    return found;
  };
  const check = async (given: Segment, siteId?: string): Promise<void> => {
    const faults = await referenceFaults(deps, given, '/segment');
    if (siteId !== undefined && (await deps.sites.byId(siteId)) === null)
      faults.push({ pointer: '/siteId', detail: `there is no site ${siteId}` });
    if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
  };

  return [
    defineRoute({
      method: 'post',
      path: '/v1/segments',
      tag: 'Segments',
      summary: 'Save a segment',
      access: 'key',
      body: segmentInput,
      examples: segmentExamples,
      answers: { 201: { description: 'The segment', schema: segmentView } },
      async handle({ body, idOf }) {
        await check(body.segment);
        const made = await withSegment(body.segment, '/segment', () =>
          deps.segments.create({ id: idOf('segment'), ...body }),
        );
        return { status: 201, body: made, headers: { Location: `/v1/segments/${made.id}` } };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/segments',
      tag: 'Segments',
      summary: 'List saved segments',
      access: 'key',
      query: pageQuery,
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(segmentView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ query }) {
        const found = await deps.segments.list(query.cursor ?? null, query.limit);
        return { status: 200, body: pageOf(found, query.limit, (one) => one) };
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/segments/estimate',
      tag: 'Segments',
      summary: 'Count whom a segment holds for',
      description:
        'Changes nothing. With `siteId`, only subscriptions of that site make a profile reachable by web push. ' +
        'A segment that cannot be judged in time is answered `segment_too_slow`.',
      access: 'key',
      body: z.strictObject({ segment, siteId: id.optional() }),
      examples: estimateExamples,
      answers: { 200: { description: 'How many', schema: reachView } },
      async handle({ body }) {
        await check(body.segment, body.siteId);
        return { status: 200, body: await estimate(deps, body.segment, '/segment', body.siteId) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/segments/:id',
      tag: 'Segments',
      summary: 'Read a saved segment',
      access: 'key',
      params,
      answers: { 200: { description: 'The segment', schema: segmentView } },
      async handle({ params: { id: segmentId } }) {
        return { status: 200, body: await saved(segmentId) };
      },
    }),
    defineRoute({
      method: 'put',
      path: '/v1/segments/:id',
      tag: 'Segments',
      summary: 'Change a saved segment',
      description:
        'Whatever refers to it is judged by the new one from then on, campaigns that run included.',
      access: 'key',
      params,
      body: segmentInput,
      examples: segmentExamples,
      answers: { 200: { description: 'The segment', schema: segmentView } },
      async handle({ params: { id: segmentId }, body }) {
        await saved(segmentId);
        await check(body.segment);
        const changed = await withSegment(body.segment, '/segment', () =>
          deps.segments.replace({ id: segmentId, ...body }),
        );
        if (!changed) throw new Problem('not_found', `there is no segment ${segmentId}`);
        return { status: 200, body: changed };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/segments/:id',
      tag: 'Segments',
      summary: 'Delete a saved segment',
      description:
        'Answers `in_use`, with who uses it, while a saved segment refers to it or a campaign that is neither over nor archived.',
      access: 'key',
      params,
      answers: { 204: { description: 'Deleted' } },
      async handle({ params: { id: segmentId } }) {
        const outcome = await deps.segments.delete(segmentId);
        if (outcome === null) throw new Problem('not_found', `there is no segment ${segmentId}`);
        if (outcome !== 'deleted') throw inUse('the segment', outcome);
        return { status: 204 };
      },
    }),
  ];
}
