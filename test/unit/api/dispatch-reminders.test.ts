import { expect } from 'chai';
import { dispatchEvent } from '../../../api/dispatch/dispatch-event.ts';
import type { DispatchDeps } from '../../../api/dispatch/deps.ts';
import type { ActiveLiveCampaign } from '../../../domain/campaign/campaign.ts';
import { refOf, type StoredEvent } from '../../../domain/event.ts';
import type { Message } from '../../../domain/delivery/message.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 21, 12);
const at = (ms: number): Date => new Date(NOW + ms);
const iso = (ms: number): string => at(ms).toISOString();

const campaign = (more: Partial<ActiveLiveCampaign> = {}): ActiveLiveCampaign => ({
  id: 'c',
  name: 'Trips',
  version: 1,
  channel: 'webPush',
  siteId: 's',
  live: {
    event: 'Booked',
    matchOn: 'trip',
    cancelledBy: [{ event: 'Booked', where: [{ property: 'status', op: 'eq', value: 'cancelled' }] }],
    dateProperty: { property: 'departure' },
  },
  when: { start: 'now' },
  publishedAt: at(-1_000 * HOUR),
  startsAt: at(-1_000 * HOUR),
  catalogueVersion: 1,
  paused: false,
  earlier: [],
  ...more,
});

/** The event that happened then, names a departure, and came right away unless it says when. */
function booked(ms: number, departure: unknown, more: { came?: number; status?: string } = {}): StoredEvent {
  const { came = ms, status = 'booked' } = more;
  return {
    id: `p:e${ms}`,
    eventId: `e${ms}`,
    profileId: 'p',
    name: 'Booked',
    properties: { trip: 'rome', departure, status },
    time: at(ms),
    receivedAt: at(came),
    index: 0,
    lane: 0,
    catalogueVersion: 1,
  };
}

/** One profile, its rows and events in memory, and what was told to its workflows. */
function world() {
  const rows: Message[] = [];
  const events: StoredEvent[] = [];
  const told: string[] = [];
  const deps = {
    messages: {
      passagesOf: () => Promise.resolve(rows.map((row) => ({ ...row }))),
      openPassages: () => Promise.resolve(rows.filter(({ state }) => state === 'waiting')),
      insertTriggerRow(row: Message & { suppressed?: string }) {
        const state = row.suppressed ? 'suppressed' : 'waiting';
        rows.push({ ...row, state, firstDueAt: row.dueAt });
        return Promise.resolve('inserted');
      },
      restartPassage(id: string, passage: object, dueAt: Date) {
        const row = rows.find((one) => one.id === id && one.state === 'waiting');
        if (!row?.passage) return Promise.resolve(false);
        Object.assign(row.passage, passage);
        Object.assign(row, { dueAt, firstDueAt: dueAt });
        return Promise.resolve(true);
      },
      closePassage(id: string, { closedBy, ...close }: { closedBy: object }) {
        const row = rows.find((one) => one.id === id && one.state === 'waiting');
        if (!row?.passage) return Promise.resolve(false);
        Object.assign(row.passage, { closedBy });
        Object.assign(row, { state: 'suppressed', settledAt: at(0), ...close });
        return Promise.resolve(true);
      },
    },
    events: {
      byId: (id: string) => Promise.resolve(events.find((event) => event.id === id) ?? null),
      // eslint-disable-next-line @typescript-eslint/require-await -- as the database would
      async *since(_: string, __: string[], from: Date) {
        yield* events.filter(({ time }) => time >= from).sort((a, b) => +a.time - +b.time);
      },
    },
    profiles: { byIds: () => Promise.resolve(new Map([['p', { id: 'p', timezone: 'UTC' }]])) },
    subscriptions: { activeOf: () => Promise.resolve(new Map()) },
    sites: { byId: () => Promise.resolve(null) },
    settings: { read: () => Promise.resolve({ timezone: 'UTC', globalLimits: {} }) },
    allowances: { of: () => Promise.resolve({ gotAt: null }) },
    clock: { now: () => at(0) },
    workflows: {
      startTrigger: (input: { waits: { untilMs: number }[] }) => tell('start', input.waits),
      signalTrigger: (_: object, { waits }: { waits: { untilMs: number }[] }) => tell('move', waits),
      close: (_: object, reason: string) => tell(reason, []),
    },
  };
  function tell(what: string, waits: { untilMs: number }[]): Promise<void> {
    const until = waits.at(-1)?.untilMs;
    told.push(until === undefined ? what : `${what} ${new Date(until).toISOString()}`);
    return Promise.resolve();
  }
  return {
    rows,
    told,
    async take(event: StoredEvent, of = campaign()) {
      if (!events.some(({ id }) => id === event.id)) events.push(event);
      await dispatchEvent(deps as unknown as DispatchDeps, event, [of]);
    },
    /** Stores an event whose dispatch opened nothing. */
    store: (event: StoredEvent) => events.push(event),
  };
}

describe('an event with the date of a reminder', () => {
  const first = booked(-5 * HOUR, iso(50 * HOUR));
  const second = booked(-2 * HOUR, iso(90 * HOUR));

  it('sets it, and a later one moves it, row before workflow', async () => {
    const { rows, told, take } = world();
    await take(first);
    await take(second);
    expect(told).to.deep.equal([`start ${iso(50 * HOUR)}`, `move ${iso(90 * HOUR)}`]);
    expect(rows).to.have.length(1);
    expect(rows[0]).to.deep.include({ dueAt: at(90 * HOUR), firstDueAt: at(90 * HOUR) });
    expect(rows[0]?.passage).to.deep.include({ event: refOf(second), openedBy: refOf(first) });
  });

  it('tells the workflow again when it is taken again, for the first call may have been lost', async () => {
    const { rows, told, take } = world();
    for (const event of [first, second]) await take(event);
    const before = structuredClone(rows);
    for (const event of [first, second]) await take(event);
    expect(rows).to.deep.equal(before);
    // Both say what holds now: a workflow that was lost as a whole waits for the date to which it was moved.
    expect(told.slice(2)).to.deep.equal([`start ${iso(90 * HOUR)}`, `move ${iso(90 * HOUR)}`]);
  });

  it('that is more than a day late sets none, and moves one', async () => {
    const { rows, told, take } = world();
    const old = { ...first, time: at(-60 * HOUR), id: 'p:old' };
    await take(old);
    expect(rows).to.deep.equal([]);
    const early = booked(-100 * HOUR, iso(50 * HOUR));
    await take(early);
    await take(booked(-50 * HOUR, iso(90 * HOUR), { came: 0 }));
    expect(told).to.deep.equal([`start ${iso(50 * HOUR)}`, `move ${iso(90 * HOUR)}`]);
  });

  it('sets none while the campaign is paused, and moves and withdraws one', async () => {
    const { rows, told, take } = world();
    const paused = campaign({ paused: true });
    await take(first, paused);
    expect(rows).to.deep.equal([]);
    await take(first);
    await take(second, paused);
    await take(booked(-HOUR, iso(-3 * HOUR)), paused);
    expect(told).to.deep.equal([`start ${iso(50 * HOUR)}`, `move ${iso(90 * HOUR)}`, 'cancelled']);
    expect(rows[0]).to.include({
      reason: 'cancelled',
      detail: `moved to ${iso(-3 * HOUR)}, which had passed`,
    });
  });

  it('that cancels by its own properties withdraws it and sets no other', async () => {
    const { rows, told, take } = world();
    await take(first);
    await take(booked(-2 * HOUR, iso(90 * HOUR), { status: 'cancelled' }));
    expect(told).to.deep.equal([`start ${iso(50 * HOUR)}`, 'cancelled']);
    expect(rows.map(({ state }) => state)).to.deep.equal(['suppressed']);
  });

  it('is filled by a later one that came before it and set none, and is not set when that one had passed', async () => {
    const filled = world();
    filled.store(second);
    await filled.take(first);
    expect(filled.told).to.deep.equal([`start ${iso(90 * HOUR)}`]);
    expect(filled.rows[0]?.passage).to.deep.include({ event: refOf(second), openedBy: refOf(first) });
    const withdrawn = world();
    withdrawn.store(booked(-2 * HOUR, iso(-3 * HOUR)));
    await withdrawn.take(first);
    expect(withdrawn.rows).to.deep.equal([]);
    const cancelled = world();
    cancelled.store(booked(-2 * HOUR, iso(90 * HOUR), { status: 'cancelled' }));
    await cancelled.take(first);
    expect(cancelled.rows.map(({ state }) => state)).to.deep.equal(['suppressed']);
    expect(cancelled.told).to.deep.equal([]);
  });

  it('moves it by the rules of the version under which it was set', async () => {
    const { rows, told, take } = world();
    const { live, when, publishedAt, catalogueVersion } = campaign();
    await take(first);
    Object.assign(rows[0] ?? {}, { version: 1 });
    const earlier = [{ version: 1, live, when, publishedAt, catalogueVersion }];
    const edited = campaign({
      version: 2,
      live: { ...live, dateProperty: { property: 'departure', offset: '-1h' } },
      publishedAt: at(-3 * HOUR),
      catalogueVersion: 1,
      earlier,
    });
    await take(second, edited);
    expect(told.at(-1)).to.equal(`move ${iso(90 * HOUR)}`);
    expect(rows).to.have.length(1);
  });
});
