import { expect } from 'chai';

import { createPassages } from './fixtures/passage.ts';
import { DAY, expectAt, HOUR, MINUTE, withTimeSkipping } from './fixtures/time-skipping.ts';

describe('a live trigger', function () {
  this.timeout(180_000);

  for (const [within, ms] of [
    ['10m', 10 * MINUTE],
    ['6h', 6 * HOUR],
    ['3d', 3 * DAY],
  ] as const) {
    it(`waits out a window of ${within} and sends at its end`, async () => {
      const passages = createPassages();
      await withTimeSkipping(passages.activities, async (time) => {
        const { row, handle } = await passages.open(time, {
          live: { inaction: { event: 'Charged', within } },
        });
        expect(await handle.result()).to.equal('sent');
        expectAt(row.sentAtMs, row.eventAtMs + ms);
      });
    });
  }

  it('that is cancelled in the middle of its window ends there and sends nothing', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const live = { inaction: { event: 'Charged', within: '6h' } };
      const { row, handle, close } = await passages.open(time, { live });
      await time.sleepUntil(row.eventAtMs + 3 * HOUR);
      await close('inactionMet');
      expect(await handle.result()).to.equal('inactionMet');
      expectAt((await handle.describe()).closeTime?.getTime(), row.eventAtMs + 3 * HOUR, 'the end');
      expect(row.sentAtMs).to.equal(undefined);
    });
  });

  it('that is restarted twice sends once, a whole window after the second restart', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const live = { inaction: { event: 'Charged', within: '6h' }, onRepeat: 'restart' as const };
      const { row, handle, restart } = await passages.open(time, { live });
      const begin = row.eventAtMs;
      await time.sleepUntil(begin + 3 * HOUR);
      await restart();
      await time.sleepUntil(begin + 8 * HOUR);
      await restart();
      expectAt(row.eventAtMs, begin + 8 * HOUR, 'the second restart');
      await handle.result();
      expectAt(row.sentAtMs, row.eventAtMs + 6 * HOUR);
    });
  });

  it('waits out a window and then a delay of days, and computes again once the delay is over', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const { row, handle } = await passages.open(time, {
        live: { inaction: { event: 'Charged', within: '10m' } },
        when: { delay: '5d' },
      });
      await handle.result();
      expectAt(row.sentAtMs, row.eventAtMs + 10 * MINUTE + 5 * DAY);
      expect(row.replans).to.equal(1);
    });
  });

  it('without anything to wait for sends at once', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const { row, handle, waits } = await passages.open(time, {});
      expect(waits).to.have.length(0);
      await handle.result();
      expectAt(row.sentAtMs, row.eventAtMs);
    });
  });
});
