import { expect } from 'chai';
import { deliverPage } from '../../../activities/delivery/deliver-page.ts';
import { createFakeDelivery } from './fakes.ts';

type Fake = ReturnType<typeof createFakeDelivery>;

describe('what a message is allowed before it is sent', () => {
  const deliver = async (fake: Fake): Promise<object[]> => {
    const query = { runId: 'run', partitions: { from: 0, to: 64 }, limit: 256 };
    await deliverPage(fake.deps, query, { whenPaused: 'keep' });
    return [...fake.left().values()];
  };
  /** One message, on a limit of one a day and one turn for ever, at 00:16:40 on 1 January 1970. */
  const limited = (): Fake => {
    const fake = createFakeDelivery(1);
    fake.state.settings = { timezone: 'UTC', globalLimits: { webPush: { perDay: 1 } } };
    fake.definition.when = { start: 'now', requalify: { mode: 'once' } };
    fake.definition.what.ttl = '2d';
    return fake;
  };

  it('takes nothing where nothing is limited', async () => {
    const fake = createFakeDelivery(1);
    fake.state.takeSlot = fake.state.takeTurn = () => {
      throw new Error('nobody is to ask');
    };
    expect((await deliver(fake))[0]).to.include({ kind: 'sent' });
    expect(fake.taken).to.deep.equal([]);
  });

  it('takes its turn first, then its slot, and keeps both when it was sent', async () => {
    const fake = limited();
    expect((await deliver(fake))[0]).to.include({ kind: 'sent' });
    expect(fake.taken).to.deep.equal(['message-0: turn', 'message-0: day 1970-01-01']);
    expect(fake.givenBack).to.deep.equal([]);
  });

  it("takes a slot of the day that it is by the latest subscription on any site, not by the campaign's site", async () => {
    const fake = limited();
    fake.definition.when = { start: 'now' };
    fake.state.latestZones = new Map([['profile-0', 'Pacific/Pago_Pago']]);
    expect((await deliver(fake))[0]).to.include({ kind: 'sent' });
    expect(fake.taken).to.deep.equal(['message-0: day 1969-12-31']);
  });

  it('is refused by its turn before it takes a slot', async () => {
    const fake = limited();
    fake.state.takeTurn = () => ({ takenAt: new Date(5) });
    expect((await deliver(fake))[0]).to.include({ kind: 'suppressed', reason: 'frequencyCap' });
    expect([fake.sent, fake.taken]).to.deep.equal([[], ['message-0: turn']]);
  });

  it('gives its turn back when there is no slot', async () => {
    const fake = limited();
    fake.state.takeSlot = () => ({ full: 'day 1970-01-01' });
    const [left] = await deliver(fake);
    expect(left).to.include({ kind: 'suppressed', reason: 'globalLimit' });
    expect(left).to.have.property('detail', 'day 1970-01-01 is full: 1 (it was 1970-01-01 00:16:40 in UTC)');
    expect(fake.sent).to.deep.equal([]);
    expect(fake.givenBack).to.deep.equal(['message-0: slots', 'message-0: turn']);
  });

  it('in a control group takes its turn and no slot, and keeps the turn', async () => {
    for (const whose of ['account', 'campaign'] as const) {
      const fake = limited();
      if (whose === 'account') fake.state.settings.controlGroup = { percent: 100 };
      else fake.definition.setup = { controlGroup: { percent: 100 } };
      expect(await deliver(fake)).to.deep.equal([
        {
          kind: 'control',
          controlAt: new Date(1_000_000),
          detail: `in the control group of the ${whose}`,
        },
      ]);
      expect([fake.sent, fake.taken]).to.deep.equal([[], ['message-0: turn']]);
      expect(fake.givenBack).not.to.include('message-0: turn');
    }
  });

  it('goes past the limits when its campaign ignores them', async () => {
    const fake = limited();
    fake.definition.when = { start: 'now', ignoreGlobalLimits: true };
    expect((await deliver(fake))[0]).to.include({ kind: 'sent' });
    expect(fake.taken).to.deep.equal([]);
  });

  it('gives back what it took when a text does not render', async () => {
    const fake = limited();
    fake.definition.what.title = '';
    expect((await deliver(fake))[0]).to.include({ kind: 'suppressed', reason: 'renderError' });
    expect(fake.givenBack).to.deep.equal(['message-0: slots', 'message-0: turn']);
  });

  it('gives back what it took when no device took it', async () => {
    const fake = limited();
    fake.state.send = () => ({ kind: 'gone', status: 410 });
    expect((await deliver(fake))[0]).to.include({ kind: 'failed' });
    expect(fake.givenBack).to.deep.equal(['message-0: slots', 'message-0: turn']);
  });

  it('keeps what it took when it comes back for another try, or was not begun', async () => {
    const outcomes: Fake['state']['send'][] = [
      () => ({ kind: 'throttled', status: 429 }),
      () => Promise.resolve({ kind: 'notBegun' }),
    ];
    for (const send of outcomes) {
      const fake = limited();
      fake.state.send = send;
      expect((await deliver(fake))[0]).to.include({ kind: 'again' });
      expect(fake.givenBack).to.deep.equal([]);
    }
  });

  it('gives back what an earlier try took when it is dropped before it asks again', async () => {
    for (const [claims, expected] of [
      [1, []],
      [2, ['message-0: slots', 'message-0: turn']],
    ] as const) {
      const fake = limited();
      fake.state.gate = 'stopped';
      fake.rows[0]!.claims = claims;
      expect((await deliver(fake))[0]).to.include({ kind: 'suppressed', reason: 'stopped' });
      expect(fake.givenBack).to.deep.equal(expected);
    }
  });

  it('takes nothing anew, and gives nothing back, once one device has it', async () => {
    const fake = limited();
    Object.assign(fake.rows[0]!, { claims: 2, sentAt: new Date(990_000) });
    fake.state.takeSlot = () => ({ full: 'day 1970-01-01' });
    fake.state.send = () => ({ kind: 'gone', status: 410 });
    await deliver(fake);
    expect([fake.sent, fake.taken, fake.givenBack]).to.deep.equal([['message-0'], [], []]);
  });

  it('gives nothing back of a row that somebody else has taken over', async () => {
    const fake = limited();
    fake.state.takeSlot = () => ({ full: 'day 1970-01-01' });
    fake.state.record = (results) => Promise.resolve(results.map(({ messageId }) => messageId));
    await deliver(fake);
    expect(fake.givenBack).to.deep.equal([]);
  });

  it('waits for midnight when its local day is about to end', async () => {
    const fake = limited();
    fake.clock.advance(23 * 3_600_000 + 43 * 60_000 + 18_000);
    const [left] = await deliver(fake);
    expect(left).to.deep.equal({ kind: 'again', dueAt: new Date('1970-01-02T00:00:00Z'), tried: false });
    expect(fake.taken).to.deep.equal(['message-0: turn']);
  });

  it('does not start on the next day with the slot of the day before', async () => {
    const fake = limited();
    fake.clock.advance(23 * 3_600_000 + 43 * 60_000 + 17_000);
    fake.state.takeSlot = () => {
      fake.clock.advance(2_000);
      return 'granted';
    };
    expect((await deliver(fake))[0]).to.include({ kind: 'again', tried: false });
    expect([fake.sent, fake.givenBack]).to.deep.equal([[], []]);
  });
});
