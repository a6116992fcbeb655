import { expect } from 'chai';
import { cartScene, type CartScene, type CartSceneOptions } from '../support/cart-scene.ts';
import { makeSite } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { FAR_ZONE, farTime, quietNow } from '../support/quiet-now.ts';
import { setSettings } from '../support/settings.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;

describe("the account's quiet hours", function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const sceneOf = (more: CartSceneOptions = {}): Promise<CartScene> =>
    cartScene(stack, site, { within: null, profile: { timezone: FAR_ZONE }, ...more });
  /** What becomes of a message that falls due now to somebody in the far zone. */
  const outcomeWith = async (when: object): Promise<string> => {
    const scene = await sceneOf({ when });
    await scene.post(scene.cart({ cartId: 'now' }));
    const [row] = await scene.settled();
    expect(scene.pushes()).to.deep.equal(row?.state === 'sent' ? ['now'] : []);
    return `${row?.state}${row?.reason ? `: ${row.reason}` : ''}`;
  };
  /** Hours in which it is not now in the far zone. */
  const later = (action: 'delay' | 'discard') => ({
    from: farTime(Date.now() + 2 * HOUR_MS),
    to: farTime(Date.now() + 3 * HOUR_MS),
    action,
  });

  it('are none until they are set, are kept as they were set, and are gone when they are left out', async () => {
    const dnd = { from: '21:00', to: '09:00', action: 'delay', releasePerMinute: 600 };
    await setSettings(stack, { dnd });
    expect((await stack.client.get('/v1/settings')).body.dnd).to.deep.equal(dnd);
    await setSettings(stack, {});
    expect((await stack.client.get('/v1/settings')).body).not.to.have.property('dnd');
  });

  it('with faults are refused at their place, for the account as for a campaign', async () => {
    const bad: [object, string][] = [
      [{ from: '09:00', to: '09:00', action: 'delay' }, '/dnd'],
      [{ from: '9', to: '21:00', action: 'delay' }, '/dnd/from'],
      [{ from: '21:00', to: '09:00', action: 'wait' }, '/dnd/action'],
      [{ from: '21:00', to: '09:00' }, '/dnd/action'],
      [{ from: '21:00', to: '09:00', action: 'delay', releasePerMinute: 0 }, '/dnd/releasePerMinute'],
      [{ from: '21:00', to: '09:00', action: 'discard', releasePerMinute: 5 }, '/dnd/releasePerMinute'],
      [{ from: '21:00', to: '09:00', action: 'delay', zone: 'UTC' }, '/dnd/zone'],
    ];
    for (const [dnd, pointer] of bad) {
      const said = JSON.stringify(dnd);
      const settings = await stack.client.put('/v1/settings', { dnd });
      expect(expectProblem(settings, 'validation_failed', said)).to.deep.equal([pointer]);
      const campaign = await stack.client.post('/v1/campaigns', {
        name: 'Night',
        channel: 'webPush',
        siteId: site.id,
        who: { past: { all: [] } },
        when: { dnd },
        what: { title: 'Hi' },
      });
      expect(expectProblem(campaign, 'validation_failed', said)).to.deep.equal([`/when${pointer}`]);
    }
  });

  it('that discard suppress what falls due in them', async () => {
    await setSettings(stack, { dnd: quietNow('discard') });
    expect(await outcomeWith({})).to.equal('suppressed: dnd');
  });

  it('give way to those of the campaign, and to a campaign that ignores them', async () => {
    await setSettings(stack, { dnd: quietNow('discard') });
    expect(await outcomeWith({ dnd: later('discard') })).to.equal('sent');
    expect(await outcomeWith({ ignoreQuietHours: true })).to.equal('sent');
    await setSettings(stack, { dnd: later('discard') });
    expect(await outcomeWith({ dnd: quietNow('discard') })).to.equal('suppressed: dnd');
    // It ignores those of the account, not its own.
    expect(await outcomeWith({ dnd: quietNow('discard'), ignoreQuietHours: true })).to.equal(
      'suppressed: dnd',
    );
  });

  it('hold for those in whose time zone they are alone', async () => {
    await setSettings(stack, { dnd: quietNow('discard') });
    const scene = await sceneOf({ profile: { timezone: 'UTC' } });
    await scene.post(scene.cart({ cartId: 'awake' }));
    await scene.settled();
    expect(scene.pushes()).to.deep.equal(['awake']);
  });

  it('that delay let a message wait for their end, and an operator read it', async () => {
    const quiet = quietNow('delay');
    await setSettings(stack, { dnd: quiet });
    const scene = await sceneOf();
    await scene.post(scene.cart());
    const [row] = await scene.entered();
    expect(row).to.include({ state: 'waiting' });
    const dueMs = Date.parse(row?.dueAt as string);
    expect(farTime(dueMs)).to.equal(quiet.to);
    expect(dueMs - Date.now()).to.be.within(HOUR_MS - 120_000, HOUR_MS);
    const handle = stack.temporal.workflow.getHandle(row?.workflowId as string);
    const timer = await waitFor('the timer', async () =>
      ((await handle.fetchHistory()).events ?? []).find((event) => event.timerStartedEventAttributes),
    );
    expect(String(timer.userMetadata?.summary?.data)).to.match(/^"waits until quiet hours end at .*Kolkata/);
    await stack.client.must(`/v1/campaigns/${scene.campaign}/stop`);
    expect(await handle.result()).to.equal('stopped');
  });

  it('that were set after a message was planned still keep it back at its send', async () => {
    await setSettings(stack, {});
    const scene = await sceneOf({ when: { delay: '5s' } });
    await scene.post(scene.cart());
    await scene.entered();
    const quiet = quietNow('delay');
    await setSettings(stack, { dnd: quiet });
    const row = await waitFor('the message to be put off', async () =>
      (await scene.rows()).find((one) => farTime(Date.parse(one.dueAt as string)) === quiet.to),
    );
    expect(row.state).to.equal('due');
    expect(scene.pushes()).to.deep.equal([]);
    await stack.client.must(`/v1/campaigns/${scene.campaign}/stop`);
    await scene.settled();
  });

  it('are passed by test sends', async () => {
    await setSettings(stack, { dnd: quietNow('discard') });
    const scene = await sceneOf({ profile: { timezone: FAR_ZONE, testProfile: true } });
    const answer = await stack.client.post(`/v1/campaigns/${scene.campaign}/test`, {
      identities: [scene.identity],
      event: { properties: { cartId: 'test' } },
    });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    expect(answer.body.results).to.have.length(1);
    expect(answer.body.results[0]).to.include({ sent: true });
    expect(scene.pushes()).to.deep.equal(['test']);
  });

  it('are explained', async () => {
    await setSettings(stack, { dnd: quietNow('discard') });
    const scene = await sceneOf();
    const quietStep = async (): Promise<string> => {
      const path = `/v1/campaigns/${scene.campaign}/explain?identity=${scene.identity}`;
      const { steps } = (await stack.client.get(path)).body as { steps: { step: string; detail: string }[] };
      return steps.find(({ step }) => step === 'quietHours')?.detail ?? '';
    };
    expect(await quietStep()).to.match(/in the quiet hours \d\d:\d\d to \d\d:\d\d.*discarded/);
    await setSettings(stack, {});
    expect(await quietStep()).to.include('no quiet hours hold for the campaign');
  });
});
