import { z } from 'zod';
import { addresseesOf, dueOfCall, MOST_RECIPIENTS } from '../../domain/delivery/api-send.ts';
import {
  gateOf,
  labelOf,
  type ApiAudience,
  type Campaign,
  type Gate,
} from '../../domain/campaign/campaign.ts';
import type { NewApiRow } from '../../domain/ports/messages.ts';
import type { ApiDeps } from '../deps.ts';
import { wakeQueue } from '../dispatch/wake-queue.ts';
import { id, identity, properties } from '../http/fields.ts';
import { derivedId } from '../http/ids.ts';
import { Problem, type ProblemFault } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { pointerOf } from '../http/validate.ts';
import { mustFind } from './definition.ts';

const MOST_FAULTS = 100;

const recipient = z
  .strictObject({
    identity: identity.optional(),
    objectId: id.optional().describe('Our id of the profile, instead of identity'),
    data: properties.optional().describe('What `data.*` is for this one, over the data of the call'),
  })
  .refine((one) => (one.identity === undefined) !== (one.objectId === undefined), {
    error: 'needs exactly one of identity and objectId',
  });

const sendInput = z
  .strictObject({
    recipients: z
      .array(recipient)
      .min(1, 'must name at least one recipient')
      .max(MOST_RECIPIENTS, `must not name more than ${MOST_RECIPIENTS} recipients`),
    data: properties.optional().describe('What `data.*` is for all of them'),
    transactional: z
      .boolean()
      .default(false)
      .describe('Past quiet hours and global limits, taking no slot: for what somebody waits for'),
  })
  .meta({ id: 'SendInput' });

const sendOutput = z
  .object({
    sendId: z.string(),
    accepted: z.number().int().describe('How many messages are new'),
    duplicates: z.number().int().describe('How many were there from an earlier try of the same call'),
    messageIds: z.array(z.string()).describe('In the order of the recipients'),
  })
  .meta({ id: 'Send' });

/** `POST /v1/campaigns/:id/send`: whom an API-triggered campaign goes to. */
export function campaignSendRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/campaigns/:id/send',
      tag: 'Campaigns',
      summary: 'Send an API-triggered campaign',
      description:
        'Names up to 1,000 profiles that are there, each with data for the texts. All are taken or, when there is ' +
        'a fault, none. Taken messages are not lost, also while Temporal is away. A repeat with the same ' +
        '`Idempotency-Key` sends nothing twice.',
      access: 'key',
      maxBody: 8 * 1024 * 1024,
      params: z.strictObject({ id }),
      body: sendInput,
      examples: {
        order: {
          summary: 'An order has left',
          value: {
            recipients: [{ identity: '42', data: { orderId: '1001' } }],
            data: { carrier: 'DHL' },
            transactional: true,
          },
        },
      },
      answers: { 202: { description: 'Written down', schema: sendOutput } },
      async handle({ params: { id: campaignId }, body, idOf }) {
        const campaign = await mustFind(deps, campaignId);
        const audience = audienceOf(campaign);
        const nowMs = deps.clock.now().getTime();
        const gate = gateOf(campaign, nowMs);
        if (gate !== 'open') throw new Problem('wrong_status', `${GATES[gate]}; nothing was taken`);
        const addressees = await resolve(deps, body, audience);

        const sendId = idOf('send');
        const dueAt = dueOfCall(campaign.definition.when, nowMs);
        const rows = addressees.map(({ profileId, data }): NewApiRow => ({
          id: derivedId(sendId, profileId),
          profileId,
          campaignId,
          version: campaign.version,
          siteId: campaign.definition.siteId,
          dueAt,
          request: { sendId, data, ...(body.transactional ? { transactional: true } : {}) },
        }));
        const accepted = await deps.messages.insertApiRows(rows);
        try {
          const label = labelOf(campaignId, campaign);
          // A queue that waits for the rate of others knows nothing of one that needs no turn of it.
          if (body.transactional) await deps.workflows.wakeQueue(label);
          else await wakeQueue(deps, label, dueAt);
        } catch (error) {
          // The rows are the truth: the sweep starts the queue of a campaign that has none.
          deps.log.warn({ err: error }, 'send: Temporal cannot be reached; the sweep will see to it');
        }
        const messageIds = rows.map((row) => row.id);
        return {
          status: 202,
          body: { sendId, accepted, duplicates: rows.length - accepted, messageIds },
        };
      },
    }),
  ];
}

const GATES: Record<Exclude<Gate, 'open'>, string> = {
  notStarted: 'the campaign has not started',
  paused: 'the campaign is paused',
  stopped: 'the campaign was stopped',
  ended: 'the campaign is over',
};

function audienceOf({ definition: { who } }: Campaign): ApiAudience {
  if ('api' in who) return who.api;
  const detail = 'is not an API-triggered campaign: events or its schedule say who gets it';
  throw new Problem('validation_failed', undefined, [{ pointer: ':id', detail }]);
}

/** @throws Problem with everything that keeps the call from being taken */
async function resolve(
  deps: ApiDeps,
  call: z.output<typeof sendInput>,
  audience: ApiAudience,
): Promise<ReturnType<typeof addresseesOf>['addressees']> {
  const identities = [...new Set(call.recipients.flatMap((one) => one.identity ?? []))];
  const ids = [...new Set(call.recipients.flatMap((one) => one.objectId ?? []))];
  const [byIdentity, existing] = await Promise.all([
    identities.length > 0 ? deps.lists.profilesByIdentity(identities) : new Map<string, string>(),
    ids.length > 0 ? deps.profiles.existing(ids) : new Set<string>(),
  ]);
  const { addressees, faults } = addresseesOf(call, audience, { byIdentity, existing });
  if (faults.length === 0) return addressees;
  const shown = faults
    .slice(0, MOST_FAULTS)
    .map(({ path, detail }): ProblemFault => ({ pointer: pointerOf(path), detail }));
  throw new Problem('validation_failed', undefined, shown);
}
