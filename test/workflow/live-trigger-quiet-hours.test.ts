import { expect } from 'chai';

import { createPassages } from './fixtures/passage.ts';
import { DAY, expectAt, HOUR, MINUTE, withTimeSkipping } from './fixtures/time-skipping.ts';
import { nextTransition, offsetMs, type Transition } from './fixtures/transitions.ts';

/** The clock time of `HH:mm`. */
const clock = (hour: number, minute = 0): string =>
  `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;

/** Opens a passage at 22:00 local time on the eve of a change of the clock, in quiet hours from 21:00. */
async function sendOverNight(zone: string, direction: 'spring' | 'autumn', to: string, at: SendAt) {
  const passages = createPassages();
  await withTimeSkipping(passages.activities, async (time) => {
    const change = nextTransition(zone, direction, await time.nowMs());
    await time.sleepUntil(change.dateMs - 2 * HOUR - change.beforeMs);
    const { row, handle, waits } = await passages.open(time, {
      zone,
      live: { inaction: { event: 'Charged', within: '10m' } },
      when: { dnd: { from: '21:00', to, action: 'delay' } },
    });
    const expected = at(change);
    expect(waits.at(-1)).to.include({ kind: 'quietHours', untilMs: expected });
    await handle.result();
    expectAt(row.sentAtMs, expected);
  });
}

type SendAt = (change: Transition) => number;

describe('a live trigger that falls due in quiet hours', function () {
  this.timeout(180_000);

  for (const zone of ['Europe/Berlin', 'America/New_York']) {
    it(`is sent at 9:00 on the morning after the short night of ${zone}, an hour sooner`, () =>
      sendOverNight(zone, 'spring', '09:00', (change) => {
        const at = change.dateMs + 9 * HOUR - change.afterMs;
        // From 22:00 to 9:00 the clock shows eleven hours; ten pass.
        expect(at - (change.dateMs - 2 * HOUR - change.beforeMs)).to.equal(10 * HOUR);
        return at;
      }));

    it(`is sent at 9:00 on the morning after the long night of ${zone}, an hour later`, () =>
      sendOverNight(zone, 'autumn', '09:00', (change) => {
        const at = change.dateMs + 9 * HOUR - change.afterMs;
        expect(at - (change.dateMs - 2 * HOUR - change.beforeMs)).to.equal(12 * HOUR);
        return at;
      }));

    it(`is sent at the first instant after the gap when they end in it (02:30, ${zone})`, () =>
      sendOverNight(zone, 'spring', '02:30', (change) => {
        expect((change.atMs + change.beforeMs) % DAY, 'the gap begins at 02:00').to.equal(2 * HOUR);
        return change.atMs;
      }));
  }

  // Berlin shows 02:00 to 03:00 twice, New York 01:00 to 02:00.
  for (const [zone, hour] of [
    ['Europe/Berlin', 2],
    ['America/New_York', 1],
  ] as const) {
    it(`is sent the first time when they end at a time that comes twice (${clock(hour, 30)}, ${zone})`, () =>
      sendOverNight(zone, 'autumn', clock(hour, 30), (change) => {
        const first = change.dateMs + hour * HOUR + 30 * MINUTE - change.beforeMs;
        expect(change.atMs - first).to.equal(30 * MINUTE);
        return first;
      }));
  }

  it('of a zone that changed during a delay of days is sent when those of the new zone end', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      // 22:00 in Tokyo: two days later it is evening there, and early afternoon in Berlin.
      await time.sleepUntil(nextTokyoTime(await time.nowMs(), 22));
      const when = { delay: '2d', dnd: { from: '21:00', to: '09:00', action: 'delay' as const } };
      const moved = await passages.open(time, { zone: 'Asia/Tokyo', when });
      const stayed = await passages.open(time, { zone: 'Asia/Tokyo', when });
      const reached = await passages.open(time, { zone: 'Europe/Berlin', when });
      expect(moved.waits.map((wait) => wait.kind)).to.deep.equal(['delay', 'quietHours']);
      await time.sleepUntil(moved.row.eventAtMs + DAY);
      moved.row.zone = 'Europe/Berlin';
      reached.row.zone = 'Asia/Tokyo';
      for (const { handle } of [moved, stayed, reached]) await handle.result();
      // In Berlin nobody sleeps when the delay is over.
      expectAt(moved.row.sentAtMs, moved.row.eventAtMs + 2 * DAY);
      const morning = nextTokyoTime(stayed.row.eventAtMs + 2 * DAY, 9);
      expectAt(stayed.row.sentAtMs, morning, 'the send to whoever stayed');
      expectAt(reached.row.sentAtMs, morning, 'the send to whoever moved there');
    });
  });
});

/** Tokyo's clock never changes. */
function nextTokyoTime(afterMs: number, hour: number): number {
  const offset = offsetMs('Asia/Tokyo', afterMs);
  const midnight = Math.floor((afterMs + offset) / DAY) * DAY - offset;
  const at = midnight + hour * HOUR;
  return at > afterMs ? at : at + DAY;
}
