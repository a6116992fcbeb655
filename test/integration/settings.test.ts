import { expect } from 'chai';
import { cartScene } from '../support/cart-scene.ts';
import { makeSite } from '../support/fixtures.ts';
import { FAR_ZONE, quietNow } from '../support/quiet-now.ts';
import { setSettings } from '../support/settings.ts';
import { startStack, type TestStack } from '../support/stack.ts';

describe('the account settings', function () {
  this.timeout(60_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack();
  });
  after(() => stack?.close());

  it('limit nothing until they are set', async () => {
    const answer = await stack.client.get('/v1/settings');
    expect(answer.status).to.equal(200);
    expect(answer.body).to.deep.equal({ timezone: 'UTC', globalLimits: {} });
  });

  it('are replaced as a whole', async () => {
    const all = {
      timezone: 'Europe/Berlin',
      globalLimits: { webPush: { perDay: 1, perWeek: 5 } },
      controlGroup: { percent: 2.5 },
    };
    expect((await stack.client.put('/v1/settings', all)).body).to.deep.equal(all);
    expect((await stack.client.get('/v1/settings')).body).to.deep.equal(all);
    const some = { globalLimits: { webPush: { perWeek: 3 } } };
    const left = { timezone: 'UTC', ...some };
    expect((await stack.client.put('/v1/settings', some)).body).to.deep.equal(left);
    expect((await stack.client.get('/v1/settings')).body).to.deep.equal(left);
  });

  it('with faults are refused with every fault at its place, and change nothing', async () => {
    await setSettings(stack, { timezone: 'Asia/Tokyo' });
    const answer = await stack.client.put('/v1/settings', {
      timezone: 'Mars/Olympus',
      globalLimits: { webPush: { perDay: 0, perWeek: 1.5, perMonth: 3 }, fax: { perDay: 1 } },
      controlGroup: { percent: 101 },
      retention: '1d',
    });
    expect(answer.status).to.equal(422);
    expect(answer.body.code).to.equal('validation_failed');
    const pointers = (answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer);
    expect(pointers.sort()).to.deep.equal([
      '/controlGroup/percent',
      '/globalLimits/fax',
      '/globalLimits/webPush/perDay',
      '/globalLimits/webPush/perMonth',
      '/globalLimits/webPush/perWeek',
      '/retention',
      '/timezone',
    ]);
    for (const body of [
      [],
      { globalLimits: { webPush: { perDay: 1_001 } } },
      { controlGroup: { percent: 0 } },
    ]) {
      expect((await stack.client.put('/v1/settings', body)).status, JSON.stringify(body)).to.equal(422);
    }
    expect((await stack.client.get('/v1/settings')).body.timezone).to.equal('Asia/Tokyo');
  });

  it('need a key', async () => {
    const answer = await stack.client.raw('GET', '/v1/settings', undefined, { authorization: '' });
    expect(answer.status).to.equal(401);
  });

  it('say whose quiet hours hold for a profile of which no time zone is known', async () => {
    const site = await makeSite(stack);
    const when = { dnd: quietNow('discard') };
    const reasonIn = async (timezone: string): Promise<unknown> => {
      await setSettings(stack, { timezone });
      const scene = await cartScene(stack, site, { within: null, when });
      await scene.post(scene.cart());
      const [row] = await scene.settled();
      return row?.reason ?? row?.state;
    };
    expect(await reasonIn('UTC')).to.equal('sent');
    expect(await reasonIn(FAR_ZONE)).to.equal('dnd');
  });
});
