import { expect } from 'chai';

import { createPassages, type OpenPassage } from './fixtures/passage.ts';
import { DAY, expectAt, HOUR, withTimeSkipping, type TimeSkipping } from './fixtures/time-skipping.ts';
import { nextTransition, offsetMs } from './fixtures/transitions.ts';

const BERLIN = 'Europe/Berlin';
const dateProperty = { property: 'departure', offset: '-2d', at: '09:00' };

/** The date that UTC shows at an instant, `YYYY-MM-DD`. */
const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** 09:00 in a zone, two days before a date, worked out with Intl alone. */
function reminderAt(date: string, zone: string): number {
  const shown = Date.parse(`${date}T09:00:00Z`) - 2 * DAY;
  return shown - offsetMs(zone, shown);
}

describe('a reminder', function () {
  this.timeout(180_000);

  const passages = createPassages();
  const book = (time: TimeSkipping, departure: string, days?: number): Promise<OpenPassage> =>
    passages.open(time, {
      zone: BERLIN,
      live: { event: 'Booked', dateProperty },
      properties: { departure },
      ...(days === undefined ? {} : { days }),
    });

  for (const direction of ['spring', 'autumn'] as const) {
    it(`waits for months over the change of the clock in ${direction}, and is sent at its local time`, () =>
      withTimeSkipping(passages.activities, async (time) => {
        const change = nextTransition(BERLIN, direction, (await time.nowMs()) + 90 * DAY);
        await time.sleepUntil(change.atMs - 90 * DAY);
        const departure = dateOf(change.dateMs + 60 * DAY);
        const { row, handle } = await book(time, departure);
        expect(await handle.result()).to.equal('sent');
        const due = change.dateMs + 58 * DAY + 9 * HOUR - change.afterMs;
        expect(row.dueAtMs).to.equal(due);
        expectAt(row.sentAtMs, due);
        const { historyLength } = await handle.describe();
        expect(historyLength).to.be.below(40);
      }));
  }

  it('waits for years, by several timers', () =>
    withTimeSkipping(passages.activities, async (time) => {
      const departure = dateOf((await time.nowMs()) + 1_200 * DAY);
      const { row, handle } = await book(time, departure, 1_300);
      expect(await handle.result()).to.equal('sent');
      expectAt(row.sentAtMs, reminderAt(departure, BERLIN));
      const { events } = await handle.fetchHistory();
      const timers = (events ?? []).flatMap((event) => event.timerStartedEventAttributes ?? []);
      const longest = Math.max(...timers.map((timer) => Number(timer.startToFireTimeout?.seconds)));
      expect(longest).to.equal((365 * DAY) / 1_000);
    }));

  it('is sent at the new time when it is moved later, months ahead, and then earlier', () =>
    withTimeSkipping(passages.activities, async (time) => {
      const begin = await time.nowMs();
      const later = await book(time, dateOf(begin + 30 * DAY));
      const sooner = await book(time, dateOf(begin + 200 * DAY));
      await time.sleepUntil(begin + 10 * DAY);
      const [laterDate, soonerDate] = [dateOf(begin + 120 * DAY), dateOf(begin + 20 * DAY)];
      await later.restart({ departure: laterDate });
      await sooner.restart({ departure: soonerDate });
      expect(await sooner.handle.result()).to.equal('sent');
      expectAt(sooner.row.sentAtMs, reminderAt(soonerDate, BERLIN), 'the one that moved earlier');
      expect(await later.handle.result()).to.equal('sent');
      expectAt(later.row.sentAtMs, reminderAt(laterDate, BERLIN), 'the one that moved later');
    }));

  it('ends when it is withdrawn, and sends nothing', () =>
    withTimeSkipping(passages.activities, async (time) => {
      const begin = await time.nowMs();
      const { row, handle, close } = await book(time, dateOf(begin + 90 * DAY));
      await time.sleepUntil(begin + 45 * DAY);
      await close('cancelled');
      expect(await handle.result()).to.equal('cancelled');
      expect(row.sentAtMs).to.equal(undefined);
    }));

  it('is sent at the local time of where the user has travelled meanwhile, to the east and to the west', () =>
    withTimeSkipping(passages.activities, async (time) => {
      const begin = await time.nowMs();
      const departure = dateOf(begin + 60 * DAY);
      const [east, west] = [await book(time, departure), await book(time, departure)];
      await time.sleepUntil(begin + 30 * DAY);
      east.row.zone = 'Pacific/Kiritimati';
      west.row.zone = 'Pacific/Pago_Pago';
      for (const { handle } of [east, west]) expect(await handle.result()).to.equal('sent');
      expectAt(east.row.sentAtMs, reminderAt(departure, 'Pacific/Kiritimati'), 'the send in the east');
      expectAt(west.row.sentAtMs, reminderAt(departure, 'Pacific/Pago_Pago'), 'the send in the west');
    }));
});
