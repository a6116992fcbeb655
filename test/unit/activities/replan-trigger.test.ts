import { expect } from 'chai';

import type { DeliveryDeps } from '../../../activities/delivery/deps.ts';
import { createTriggerActivities } from '../../../activities/trigger-activities.ts';

const HOUR = 3_600_000;
const opened = Date.UTC(2026, 10, 20, 12);
/** The end of a delay of two days, in Tokyo's quiet hours: noon in UTC is 21:00 there. */
const delayOver = opened + 48 * HOUR;

/** One waiting row that was planned for 9:00 in Tokyo, midnight in UTC. */
function scene(
  zone: string | undefined,
  account = 'UTC',
  more: { departure?: unknown; nowMs?: number } = {},
) {
  const event = { id: 'e', eventId: 'e', name: 'Booked', index: 0 };
  const at = { time: new Date(opened), receivedAt: new Date(opened) };
  const row = {
    id: 'm',
    campaignId: 'c',
    version: 1,
    siteId: 's',
    profileId: 'p',
    state: 'waiting',
    dueAt: new Date(delayOver + 12 * HOUR),
    passage: { matchValue: '', event: { ...event, ...at }, qualifiesAt: new Date(opened) },
  };
  const moved: Date[] = [];
  const dnd = { from: '21:00', to: '09:00', action: 'delay' };
  const dateProperty = { property: 'departure', offset: '-1d', at: '09:00' };
  const definition =
    'departure' in more
      ? { who: { live: { event: 'Booked', dateProperty } }, when: { start: 'now' } }
      : { who: { live: { event: 'Booked' } }, when: { start: 'now', delay: '2d', dnd } };
  const deps = {
    clock: { nowMs: () => more.nowMs ?? delayOver },
    messages: {
      byId: () => Promise.resolve(row),
      restartPassage(id: string, passage: unknown, dueAt: Date) {
        expect(id).to.equal('m');
        expect(passage).to.deep.equal({ event: row.passage.event, qualifiesAt: row.passage.qualifiesAt });
        moved.push(dueAt);
        return Promise.resolve(true);
      },
    },
    campaigns: { version: () => Promise.resolve(definition) },
    events: {
      byId: () => Promise.resolve({ ...event, ...at, properties: { departure: more.departure } }),
    },
    profiles: { byIds: () => Promise.resolve(new Map([['p', { timezone: zone }]])) },
    subscriptions: { activeOf: () => Promise.resolve(new Map()) },
    sites: { byId: () => Promise.resolve(null) },
    settings: { read: () => Promise.resolve({ timezone: account, globalLimits: {} }) },
  } as unknown as DeliveryDeps;
  return { moved, replan: () => createTriggerActivities(deps).replanTrigger({ messageId: 'm' }) };
}

describe('planning a passage again after a long wait', () => {
  it('leaves the row alone when nothing has changed', async () => {
    const { moved, replan } = scene('Asia/Tokyo');
    const { waits } = await replan();
    expect(waits.map(({ kind, untilMs }) => [kind, untilMs])).to.deep.equal([
      ['quietHours', delayOver + 12 * HOUR],
    ]);
    expect(moved).to.deep.equal([]);
  });

  it('makes the row due at once where the profile is awake now, or the send would find it not due', async () => {
    const { moved, replan } = scene('Europe/Berlin');
    expect(await replan()).to.deep.equal({ waits: [] });
    expect(moved).to.deep.equal([new Date(delayOver)]);
  });

  it('moves the row to the end of the quiet hours of the new zone', async () => {
    const { moved, replan } = scene('Pacific/Auckland');
    // It is 1:00 there, by summer time.
    const end = delayOver + 8 * HOUR;
    expect((await replan()).waits.map(({ untilMs }) => untilMs)).to.deep.equal([end]);
    expect(moved).to.deep.equal([new Date(end)]);
  });

  it("counts by the account's time zone where no other is known", async () => {
    const { moved, replan } = scene(undefined, 'Asia/Tokyo');
    expect((await replan()).waits.map(({ untilMs }) => untilMs)).to.deep.equal([delayOver + 12 * HOUR]);
    expect(moved).to.deep.equal([]);
  });
});

describe('planning a reminder again', () => {
  /** 9:00 in Tokyo on the day before the departure, the 24th, is when the row is due. */
  const due = delayOver + 12 * HOUR;
  const planned = (zone: string, nowMs: number, departure: unknown = '2026-11-24') =>
    scene(zone, 'UTC', { departure, nowMs });

  it('leaves the row alone while nobody has moved', async () => {
    const { moved, replan } = planned('Asia/Tokyo', due - 26 * HOUR);
    expect((await replan()).waits.map(({ kind, untilMs }) => [kind, untilMs])).to.deep.equal([['date', due]]);
    expect(moved).to.deep.equal([]);
  });

  it('moves it with a user who has travelled west, and to an instant that has passed with one who went east', async () => {
    const west = planned('Europe/Berlin', due - 26 * HOUR);
    expect((await west.replan()).waits.at(-1)?.untilMs).to.equal(due + 8 * HOUR);
    expect(west.moved).to.deep.equal([new Date(due + 8 * HOUR)]);
    // By the time of its wait for 9:00 in Tokyo it has been 9:00 in Auckland for four hours.
    const east = planned('Pacific/Auckland', due);
    expect((await east.replan()).waits).to.deep.equal([]);
    expect(east.moved).to.deep.equal([new Date(due - 4 * HOUR)]);
  });

  it('plans nothing for an event that names no date', async () => {
    const { moved, replan } = planned('Asia/Tokyo', due, 'soon');
    expect(await replan()).to.deep.equal({ waits: [] });
    expect(moved).to.deep.equal([]);
  });
});
