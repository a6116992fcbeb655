import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { DELIVERY_LIMITS } from '../../../activities/delivery/deps.ts';
import { splitPartitions } from '../../../activities/run-activities.ts';
import type { PushService } from '../../support/push-service/push-service.ts';
import type { ReceivedPush } from '../../support/push-service/received-push.ts';
import type { Row } from './fault-stack.ts';

/** A message at a device: what may arrive once. */
type Delivery = string;

/** What a push service has received of a campaign, by message and subscription, and how often. */
export type Deliveries = Map<Delivery, number>;

/** Counts what the push service has received so far of the messages for which the rows stand. */
export function deliveriesOf(pushes: readonly ReceivedPush[], rows: Map<string, Row>): Deliveries {
  const counts: Deliveries = new Map();
  for (const push of pushes) {
    const { messageId, subscriptionId } = JSON.parse(push.payload) as {
      messageId: string;
      subscriptionId: string;
    };
    if (!rows.has(messageId)) continue;
    const delivery = `${messageId} ${subscriptionId}`;
    counts.set(delivery, (counts.get(delivery) ?? 0) + 1);
  }
  return counts;
}

/** What the records say was delivered. */
export function recordedIn(rows: Map<string, Row>): Set<Delivery> {
  const recorded = new Set<Delivery>();
  for (const row of rows.values()) {
    for (const attempt of row.attempts) {
      if (attempt.outcome.kind === 'delivered') recorded.add(`${row._id} ${attempt.subscriptionId}`);
    }
  }
  return recorded;
}

export function repeated(deliveries: Deliveries): Delivery[] {
  return [...deliveries].filter(([, count]) => count > 1).map(([delivery]) => delivery);
}

/** Every row is sent, with one recorded delivery to its one device, and the push service has it. */
export function expectSentOnce(rows: Map<string, Row>, deliveries: Deliveries, count: number): void {
  const people = new Set([...rows.values()].map((row) => row.profileId));
  expect(rows.size, 'rows').to.equal(count);
  expect(people.size, 'people').to.equal(count);
  const wrong = [...rows.values()].filter(
    (row) =>
      row.state !== 'sent' ||
      row.attempts.filter((attempt) => attempt.outcome.kind === 'delivered').length !== 1 ||
      row.devices.length !== 1 ||
      row.token !== undefined,
  );
  expect(wrong, 'rows that are not sent exactly once').to.deep.equal([]);
  expect([...deliveries.keys()].sort(), 'what has arrived').to.deep.equal([...recordedIn(rows)].sort());
}

/**
 * What arrived twice had been started and not yet recorded when the worker fell silent, and nothing else.
 *
 * @param before what had arrived by then
 * @param recorded what was recorded by then
 * @returns how many could have come twice, and how many did
 */
export function expectRepeatsExplained(
  after: Deliveries,
  before: Deliveries,
  recorded: Set<Delivery>,
): { startedAndUnrecorded: number; repeats: number } {
  const unrecorded = new Set([...before.keys()].filter((delivery) => !recorded.has(delivery)));
  const repeats = repeated(after);
  expect(
    repeats.filter((delivery) => !unrecorded.has(delivery)),
    'repeats of what was recorded or not yet started',
  ).to.deep.equal([]);
  expect(repeated(before), 'repeats before the fault').to.deep.equal([]);
  expect(
    [...after.values()].every((count) => count <= 2),
    'nothing comes three times after one fault',
  ).to.equal(true);
  return { startedAndUnrecorded: unrecorded.size, repeats: repeats.length };
}

/** How much of a run a killed worker can have started and not recorded, by the product's own limits. */
export function mostUnrecorded(count: number): number {
  const groups = splitPartitions(Math.ceil(count / 1_000)).length;
  return groups * (DELIVERY_LIMITS.concurrency + 2 * DELIVERY_LIMITS.flushEvery);
}

/** Resolves in the moment in which the push service has so many pushes more. */
export function afterPushes(push: PushService, count: number): Promise<void> {
  return push.waitForReceived(push.received().length + count, { timeoutMs: 60_000 });
}

/** Resolves when nothing has come for half a second: what a process that stands still had sent has arrived. */
export async function arrivedAll(push: PushService): Promise<void> {
  for (let seen = -1; seen !== push.received().length; await delay(500)) seen = push.received().length;
}
