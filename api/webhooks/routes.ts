import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { WebhookAttempt, WebhookTarget } from '../../domain/delivery/webhook.ts';
import type { ApiDeps } from '../deps.ts';
import { id, pageOf, pageQuery } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { inUse } from '../segments/references.ts';
import { webhookExamples } from './examples.ts';
import { attemptView, webhookInput, webhookView, webhookWithSecret, type WebhookInput } from './schemas.ts';

const params = z.strictObject({ id });
const attemptsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('How many at most'),
  cursor: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'must be the nextCursor of the page before')
    .optional()
    .describe('`nextCursor` of the page before'),
  campaignId: id.optional(),
  batchId: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'must be the id of a batch')
    .optional(),
});
/** How long the signing secret before a rotation goes on signing. */
const PREVIOUS_SECRET_MS = 24 * 3_600_000;

/** `/v1/webhooks`: where webhook campaigns go. */
export function webhookRoutes(deps: ApiDeps): Route[] {
  const input = webhookInput((url) => deps.webhookRefusal(url));
  const mustFind = async (webhookId: string): Promise<WebhookTarget> => {
    const found = await deps.webhooks.byId(webhookId);
    if (!found) throw missing(webhookId);
    return found;
  };

  return [
    defineRoute({
      method: 'post',
      path: '/v1/webhooks',
      tag: 'Webhooks',
      summary: 'Create a webhook target',
      description:
        'The answer holds the secret that requests to it are signed with (Standard Webhooks); it is not shown again.',
      access: 'key',
      body: input,
      examples: webhookExamples,
      answers: { 201: { description: 'The target, with its signing secret', schema: webhookWithSecret } },
      async handle({ body, idOf }) {
        const now = deps.clock.now();
        const signingSecret = newSecret();
        const target: WebhookTarget = {
          ...fieldsOf(body, []),
          id: idOf('webhook'),
          signingSecrets: [signingSecret],
          createdAt: now,
          updatedAt: now,
        };
        await deps.webhooks.create(target);
        const headers = { Location: `/v1/webhooks/${target.id}` };
        return { status: 201, body: { ...viewOf(target), signingSecret }, headers };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/webhooks',
      tag: 'Webhooks',
      summary: 'List webhook targets',
      access: 'key',
      query: pageQuery,
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(webhookView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ query }) {
        const found = await deps.webhooks.list(query.cursor ?? null, query.limit);
        return { status: 200, body: pageOf(found, query.limit, viewOf) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/webhooks/:id',
      tag: 'Webhooks',
      summary: 'Read a webhook target',
      access: 'key',
      params,
      answers: { 200: { description: 'The target', schema: webhookView } },
      async handle({ params: { id: webhookId } }) {
        return { status: 200, body: viewOf(await mustFind(webhookId)) };
      },
    }),
    defineRoute({
      method: 'put',
      path: '/v1/webhooks/:id',
      tag: 'Webhooks',
      summary: 'Change a webhook target',
      description:
        'What is absent takes its default, but a secret header without `value` keeps the one it has while the address ' +
        'stays on the same origin. Requests that ' +
        'are tried again go to the target as it is then.',
      access: 'key',
      params,
      body: input,
      examples: webhookExamples,
      answers: { 200: { description: 'The target', schema: webhookView } },
      async handle({ params: { id: webhookId }, body }) {
        const known = await mustFind(webhookId);
        // A secret is for whom it was given: another host is to be trusted with it anew.
        const isSameHost = new URL(body.url).origin === new URL(known.url).origin;
        const fields = fieldsOf(body, isSameHost ? known.headers : []);
        const changed = await deps.webhooks.replace({ ...known, ...fields });
        if (!changed) throw missing(webhookId);
        return { status: 200, body: viewOf(changed) };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/webhooks/:id',
      tag: 'Webhooks',
      summary: 'Delete a webhook target',
      description:
        'Answers `in_use`, with who uses it, while a campaign that is neither over nor archived sends to it.',
      access: 'key',
      params,
      answers: { 204: { description: 'Deleted' } },
      async handle({ params: { id: webhookId } }) {
        const outcome = await deps.webhooks.delete(webhookId);
        if (outcome === null) throw missing(webhookId);
        if (outcome !== 'deleted') throw inUse('the webhook target', outcome);
        return { status: 204 };
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/webhooks/:id/rotate-secret',
      tag: 'Webhooks',
      summary: 'Make a new signing secret',
      description:
        'The answer holds it; it is not shown again. Requests are signed with the new and the one before for 24 ' +
        'hours, or until the next rotation.',
      access: 'key',
      params,
      answers: { 200: { description: 'The target, with its new secret', schema: webhookWithSecret } },
      async handle({ params: { id: webhookId }, idOf }) {
        const signingSecret = newSecret();
        const change = {
          rotation: idOf('rotation'),
          secret: signingSecret,
          previousForMs: PREVIOUS_SECRET_MS,
        };
        const changed = await deps.webhooks.rotateSecret(webhookId, change);
        if (!changed) throw missing(webhookId);
        return { status: 200, body: { ...viewOf(changed), signingSecret } };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/webhooks/:id/attempts',
      tag: 'Webhooks',
      summary: 'List the requests to a target',
      description: 'The latest first; kept for 30 days.',
      access: 'key',
      params,
      query: attemptsQuery,
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(attemptView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ params: { id: webhookId }, query: { cursor, limit, ...filter } }) {
        await mustFind(webhookId);
        const found = await deps.webhooks.attempts(webhookId, filter, cursor ?? null, limit);
        if (!found) {
          const detail = 'is of no page of this target; what is older than 30 days is gone';
          throw new Problem('validation_failed', undefined, [{ pointer: '?cursor', detail }]);
        }
        return { status: 200, body: pageOf(found, limit, tellAttempt) };
      },
    }),
  ];
}

function missing(webhookId: string): Problem {
  return new Problem('not_found', `there is no webhook target ${webhookId}`);
}

/** `whsec_` and 32 random bytes, as Standard Webhooks has it. */
function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/**
 * @param known the headers there are, whose secret values stay where none is given
 * @throws Problem with every header whose value is missing
 */
function fieldsOf(
  body: WebhookInput,
  known: WebhookTarget['headers'],
): Omit<WebhookTarget, 'id' | 'signingSecrets' | 'createdAt' | 'updatedAt'> {
  const kept = (name: string): string | undefined =>
    known.find((one) => one.secret && one.name.toLowerCase() === name.toLowerCase())?.value;
  const values = body.headers.map(({ name, value, secret }) => value ?? (secret ? kept(name) : undefined));
  const faults = values.flatMap((value, i) =>
    value === undefined ? [{ pointer: `/headers/${i}/value`, detail: 'is missing, and none is kept' }] : [],
  );
  if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
  const headers = body.headers.map(({ name, secret }, i) => ({ name, value: values[i] ?? '', secret }));
  return { ...body, headers };
}

function viewOf({ signingSecrets: _secrets, headers, ...rest }: WebhookTarget): object {
  return {
    ...rest,
    headers: headers.map(({ name, value, secret }) => (secret ? { name, secret } : { name, value, secret })),
  };
}

function tellAttempt({ webhookId: _webhookId, ...rest }: WebhookAttempt): object {
  return rest;
}
