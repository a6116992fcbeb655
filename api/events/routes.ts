import { z } from 'zod';
import { laneOf } from '../../domain/hash.ts';
import { isOwnEvent } from '../../domain/audience/segment.ts';
import type { NewEvent } from '../../domain/ports/events.ts';
import type { ApiDeps } from '../deps.ts';
import { id, identity, instant, properties, text } from '../http/fields.ts';
import { Problem, type ProblemFault } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';

const MOST_EVENTS = 1_000;
/** How far ahead of us a producer's clock may be. */
const AHEAD_MS = 10 * 60_000;

const eventInput = z
  .strictObject({
    eventId: text(128).optional().describe('Makes a repeat harmless; unique per profile'),
    identity: identity.optional(),
    objectId: id.optional().describe('Our id of the profile, instead of identity'),
    name: text(128).refine((name) => !isOwnEvent(name), 'names one of our own events, which nobody may post'),
    properties: properties.optional(),
    time: instant.optional().describe('When it happened; absent: now'),
  })
  .refine((event) => (event.identity === undefined) !== (event.objectId === undefined), {
    error: 'needs exactly one of identity and objectId',
  })
  .meta({ id: 'Event' });

/** `POST /v1/events`: stored with majority before it is answered, dispatched afterwards. */
export function eventRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/events',
      tag: 'Events',
      summary: 'Take what users did',
      description:
        'Stores up to 1,000 events. All or, when there is a fault, none. An accepted event is never lost, also ' +
        'while the workflow engine is away. An event that was stored before counts as a duplicate.',
      access: 'key',
      maxBody: 8 * 1024 * 1024,
      body: z.strictObject({
        events: z
          .array(eventInput)
          .min(1, 'must hold at least one event')
          .max(MOST_EVENTS, `must not hold more than ${MOST_EVENTS} events`),
      }),
      examples: {
        cart: {
          summary: 'A cart is filled and bought',
          value: {
            events: [
              {
                eventId: 'e-1',
                identity: '42',
                name: 'Added To Cart',
                properties: { cartId: 'a', price: 25 },
              },
              { eventId: 'e-2', identity: '42', name: 'Charged', properties: { cartId: 'a', Amount: 25 } },
            ],
          },
        },
      },
      answers: {
        202: {
          description: 'Stored',
          schema: z.object({ accepted: z.number().int(), duplicates: z.number().int() }),
        },
      },
      async handle({ body, idOf }) {
        const nowMs = deps.clock.now().getTime();
        const events = body.events;
        const faults = await faultsOf(deps, events, nowMs);
        if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);

        // Before anything is stored: a campaign published before this call is in the view, or all is pending.
        const view = await deps.matcher.current();
        const profileOf = await deps.profiles.resolveIdentities(
          events.flatMap((event) => event.identity ?? []),
        );
        const seen = new Set<string>();
        let repeatedInBatch = 0;
        const rows: NewEvent[] = [];
        for (const [index, event] of events.entries()) {
          const profileId = event.objectId ?? profileOf.get(event.identity ?? '') ?? '';
          const eventId = event.eventId ?? idOf(`event ${index}`);
          if (seen.has(`${profileId}:${eventId}`)) {
            repeatedInBatch += 1;
            continue;
          }
          seen.add(`${profileId}:${eventId}`);
          const time = event.time === undefined ? new Date(nowMs) : new Date(event.time);
          const pending = view === null || view.byEvent.has(event.name);
          rows.push({
            profileId,
            eventId,
            name: event.name,
            properties: event.properties ?? {},
            time,
            index,
            pending,
          });
        }
        const { accepted, duplicates } = await deps.events.insertMany(rows, view?.version ?? 0);
        const lanes = new Set(rows.filter((row) => row.pending).map((row) => laneOf(row.profileId)));
        if (lanes.size > 0) deps.nudge([...lanes]);
        return { status: 202, body: { accepted, duplicates: duplicates + repeatedInBatch } };
      },
    }),
  ];
}

/** What the schema cannot see: profiles that do not exist and clocks that run ahead. */
async function faultsOf(
  deps: ApiDeps,
  events: { objectId?: string | undefined; time?: string | undefined }[],
  nowMs: number,
): Promise<ProblemFault[]> {
  const faults: ProblemFault[] = [];
  const ids = [...new Set(events.flatMap((event) => event.objectId ?? []))];
  const existing = ids.length > 0 ? await deps.profiles.existing(ids) : new Set<string>();
  for (const [i, event] of events.entries()) {
    if (event.objectId !== undefined && !existing.has(event.objectId)) {
      faults.push({ pointer: `/events/${i}/objectId`, detail: 'there is no profile with this objectId' });
    }
    if (event.time !== undefined && Date.parse(event.time) > nowMs + AHEAD_MS) {
      faults.push({ pointer: `/events/${i}/time`, detail: 'lies more than 10 minutes in the future' });
    }
  }
  return faults;
}
