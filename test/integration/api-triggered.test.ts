import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freePort } from '../../embedded/free-port.ts';
import { workflowIds } from '../../workflows/contract.ts';
import type { Answer } from '../support/api-client.ts';
import { allSettled, audience, balancedStats, countsOf, type Audience } from '../support/audience.ts';
import { makeSite, messagesOf, publish, pushesTo, sweepAnew } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { FAR_ZONE, quietNow } from '../support/quiet-now.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { roomInUtcDay } from '../support/utc-day.ts';
import { waitFor } from '../support/wait-for.ts';

describe('an API-triggered campaign', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const definition = (more: object = {}): object => ({
    name: 'Order sent',
    channel: 'webPush',
    siteId: site.id,
    who: { api: { requiredData: ['orderId'] } },
    what: { title: 'Order {{ data.orderId }}', body: '{{ event.orderId }} {{ data.carrier }}' },
    ...more,
  });
  const campaignWith = (more: object = {}): Promise<string> => publish(stack, definition(more));
  const send = (campaign: string, body: object, key?: string): Promise<Answer> =>
    stack.client.post(`/v1/campaigns/${campaign}/send`, body, key ? { 'idempotency-key': key } : {});
  const to = (who: Audience, orderId = 'a'): object => ({
    recipients: who.identities.map((identity) => ({ identity })),
    data: { orderId },
  });
  const people = (group: string, many = 1, more: object = {}): Promise<Audience> =>
    audience(stack, site, group, { profiles: many, subscribed: many }, more);
  const rowsOf = (campaign: string): Promise<Record<string, any>[]> =>
    stack.db.collection('messages').find({ campaignId: campaign }).toArray();

  it('goes to those whom a call names, with its data and their own over it', async () => {
    const who = await people('named', 2);
    const campaign = await campaignWith();
    const [first, second] = who.identities;
    const objectId = (await stack.client.get(`/v1/profiles/${second}`)).body.objectId as string;
    const answer = await send(campaign, {
      recipients: [{ identity: first, data: { orderId: '7' } }, { objectId }],
      data: { orderId: 'all', carrier: 'by air' },
    });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(202);
    const { sendId, messageIds, ...counts } = answer.body as Record<string, any>;
    expect(counts).to.deep.equal({ accepted: 2, duplicates: 0 });
    const rows = await allSettled(stack, campaign);
    expect(
      who.endpoints.map((endpoint) => pushesTo(stack, endpoint).map(({ title, body }) => [title, body])),
    ).to.deep.equal([[['Order 7', '7 by air']], [['Order all', 'all by air']]]);
    const byId = new Map(rows.map((row) => [row.id as string, row]));
    expect((messageIds as string[]).map((id) => byId.get(id)?.objectId as string)[1]).to.equal(objectId);
    for (const row of rows) {
      expect(row).to.deep.include({ state: 'sent', request: { sendId, transactional: false } });
      expect(row.workflowId).to.equal(workflowIds.queue(campaign));
    }
    expect(await balancedStats(stack, campaign)).to.deep.include({
      entered: 2,
      qualified: 2,
      inWindow: 0,
      sent: 2,
      waiting: 0,
    });
  });

  it('refuses a call with every fault at once, and takes nothing of it', async () => {
    const who = await people('faults', 3);
    const [first, second] = who.identities;
    const campaign = await campaignWith({ who: { api: { requiredData: ['orderId', 'a/b'] } } });
    const objectId = (await stack.client.get(`/v1/profiles/${first}`)).body.objectId as string;
    const answer = await send(campaign, {
      recipients: [
        { identity: first },
        { identity: 'nobody', data: { orderId: '1' } },
        { objectId: 'f'.repeat(24), data: { orderId: '1' } },
        { objectId, data: { orderId: '2' } },
        { identity: second, data: { orderId: null } },
      ],
      data: { 'a/b': 1 },
    });
    expect(expectProblem(answer, 'validation_failed')).to.deep.equal([
      '/recipients/0/data/orderId',
      '/recipients/1/identity',
      '/recipients/2/objectId',
      '/recipients/3',
      '/recipients/4/data/orderId',
    ]);
    expect(JSON.stringify(answer.body)).to.include('is the same profile as /recipients/0');
    expect((await stack.client.get('/v1/profiles/nobody')).status).to.equal(404);
    expect(await rowsOf(campaign)).to.deep.equal([]);

    const shape = async (body: object): Promise<string[]> =>
      expectProblem(await send(campaign, body), 'validation_failed');
    expect(await shape({ recipients: [] })).to.deep.equal(['/recipients']);
    expect(await shape({ recipients: [{ identity: 'a', objectId }, {}] })).to.deep.equal([
      '/recipients/0',
      '/recipients/1',
    ]);
    const many = Array.from({ length: 1_001 }, (_, i) => ({ identity: `m${i}` }));
    expect(await shape({ recipients: many })).to.deep.equal(['/recipients']);
    expect(await shape({ recipients: [{ identity: first }], transactional: 'yes', extra: 1 })).to.deep.equal([
      '/transactional',
      '/extra',
    ]);
    const large = { recipients: [{ identity: first, data: { x: 'x'.repeat(20_000) } }] };
    expect(await shape({ ...large, data: { orderId: '1', 'a/b': 1, y: 'y'.repeat(20_000) } })).to.deep.equal([
      '/recipients/0/data',
    ]);
  });

  it('is sent once for each idempotency key, however often a call comes, and again for the next', async () => {
    const who = await people('repeated', 3);
    const campaign = await campaignWith();
    const key = randomUUID();
    const [one, ...others] = await Promise.all(Array.from({ length: 4 }, () => send(campaign, to(who), key)));
    const all = [one!, ...others, await send(campaign, to(who), key)];
    const taken = all.filter(({ status }) => status === 202);
    expect(taken.length).to.be.at.least(2);
    for (const { status } of all) expect(status).to.be.oneOf([202, 409]);
    expect(new Set(taken.map(({ body }) => body.sendId as string)).size).to.equal(1);
    // The key is forgotten half-way: the same call makes the same rows.
    await stack.db.collection('idempotency').deleteMany({});
    const again = await send(campaign, to(who), key);
    expect(again.body).to.deep.include({ sendId: taken[0]?.body.sendId, accepted: 0, duplicates: 3 });
    await allSettled(stack, campaign);
    expect(countsOf(stack, who.endpoints)).to.deep.equal([1, 1, 1]);
    expect((await send(campaign, to(who), randomUUID())).body).to.deep.include({ accepted: 3 });
    await waitFor('the second message', () => countsOf(stack, who.endpoints).every((count) => count === 2));
  });

  it('takes a thousand recipients in one call, and each gets one message', async () => {
    const who = await audience(stack, site, 'thousand', { profiles: 1_000, subscribed: 60 });
    const campaign = await campaignWith();
    const { accepted } = (await send(campaign, to(who))).body as { accepted: number };
    expect(accepted).to.equal(1_000);
    await allSettled(stack, campaign);
    expect(countsOf(stack, who.endpoints)).to.deep.equal(who.endpoints.map(() => 1));
    expect(await balancedStats(stack, campaign)).to.deep.include({
      entered: 1_000,
      sent: 60,
      suppressed: { unreachable: 940 },
    });
  });

  it('takes calls only while it runs, and lets fall what is due while it is paused', async () => {
    const who = await people('gates');
    const draft = (await stack.client.must('/v1/campaigns', definition())) as { id: string };
    expectProblem(await send(draft.id, to(who)), 'wrong_status', 'a draft');
    const start = new Date(Date.now() + 3_600_000).toISOString();
    expectProblem(await send(await campaignWith({ when: { start } }), to(who)), 'wrong_status', 'scheduled');

    const campaign = await campaignWith({ when: { delay: '1h' } });
    expect((await send(campaign, to(who))).status).to.equal(202);
    await stack.client.must(`/v1/campaigns/${campaign}/pause`);
    const overdue = new Date(Date.now() - 10_000);
    await stack.db.collection('messages').updateMany({ campaignId: campaign }, { $set: { dueAt: overdue } });
    await sweepAnew(stack);
    expectProblem(await send(campaign, to(who)), 'wrong_status', 'paused');
    const [row] = await allSettled(stack, campaign);
    expect(row).to.include({ state: 'suppressed', reason: 'paused' });
    await stack.client.must(`/v1/campaigns/${campaign}/resume`);
    await stack.client.put(`/v1/campaigns/${campaign}`, definition({ when: {} }));
    expect((await send(campaign, to(who))).status).to.equal(202);
    await waitFor('the message after the pause', () => countsOf(stack, who.endpoints)[0] === 1);

    const open = await campaignWith({ when: { delay: '1h' } });
    await send(open, to(who));
    await stack.client.must(`/v1/campaigns/${open}/stop`);
    const [closed] = await allSettled(stack, open);
    expect(closed).to.include({ state: 'suppressed', reason: 'stopped' });
    expectProblem(await send(open, to(who)), 'wrong_status', 'stopped');
    expect(await stack.temporal.workflow.getHandle(workflowIds.campaign(open)).result()).to.equal('stopped');

    const live = { live: { event: 'Went' } };
    const other = await campaignWith({ who: live, what: { title: 'Hello' } });
    expect(expectProblem(await send(other, to(who)), 'validation_failed')).to.deep.equal([':id']);
    expectProblem(await send('f'.repeat(24), to(who)), 'not_found');
  });

  it('completes at its end and closes what it still holds', async () => {
    const who = await people('ends');
    const end = new Date(Date.now() + 6_000).toISOString();
    const campaign = await campaignWith({ when: { delay: '1h', end } });
    await send(campaign, to(who));
    const [row] = await allSettled(stack, campaign);
    expect(row).to.include({ state: 'suppressed', reason: 'ended' });
    await waitFor('its end', async () => {
      return (await stack.client.get(`/v1/campaigns/${campaign}`)).body.status === 'completed';
    });
    expectProblem(await send(campaign, to(who)), 'wrong_status');
  });

  it('sends a message that is due at once while others of it wait for hours', async () => {
    const [late, soon] = [await people('late'), await people('soon')];
    const campaign = await campaignWith({ when: { delay: '2h' } });
    await send(campaign, to(late));
    await waitFor('the queue to wait', async () => {
      const asleep = await stack.db.collection('awakeQueues').findOne({ _id: campaign as never });
      return (asleep?.until as Date | undefined) !== undefined;
    });
    await stack.client.put(`/v1/campaigns/${campaign}`, definition({ when: {} }));
    await send(campaign, to(soon));
    await waitFor('the push', () => countsOf(stack, soon.endpoints)[0] === 1);
    expect(countsOf(stack, late.endpoints)).to.deep.equal([0]);
  });

  it('keeps quiet hours and global limits, but not for a transactional call, which takes no slot', async () => {
    const who = await people('asleep', 1, { timezone: FAR_ZONE });
    const [identity] = who.identities;
    const quiet = await campaignWith({ when: { dnd: quietNow('delay') } });
    await send(quiet, to(who));
    const [waits] = await waitFor('the end of quiet hours to be waited for', async () => {
      const rows = await messagesOf(stack, quiet);
      return rows[0]?.released === true && rows;
    });
    expect(waits?.state).to.equal('due');
    await send(quiet, { ...to(who), transactional: true });
    await waitFor('the transactional message', () => countsOf(stack, who.endpoints)[0] === 1);
    expect(
      await stack.db.collection('messages').countDocuments({ campaignId: quiet, state: 'due' }),
    ).to.equal(1);

    await roomInUtcDay();
    await stack.client.put('/v1/settings', { globalLimits: { webPush: { perDay: 1 } } });
    try {
      const limited = await campaignWith();
      for (let i = 0; i < 2; i += 1) await send(limited, { ...to(who), transactional: true });
      await waitFor('both past the limit', () => countsOf(stack, who.endpoints)[0] === 3);
      await send(limited, to(who, 'first'));
      await waitFor('the one that has the slot', () => countsOf(stack, who.endpoints)[0] === 4);
      await send(limited, to(who, 'second'));
      const reasons = async (): Promise<unknown[]> =>
        (await messagesOf(stack, limited)).flatMap((row) => (row.reason as string | undefined) ?? []);
      await waitFor('the one without', async () => (await reasons()).length === 1);
      expect(await reasons()).to.deep.equal(['globalLimit']);
      await send(limited, { ...to(who), transactional: true });
      await waitFor('one more past the limit', () => countsOf(stack, who.endpoints)[0] === 5);
      const said = (await stack.client.get(`/v1/campaigns/${limited}/explain?identity=${identity}`)).body;
      const step = (name: string): string =>
        (said.steps as { step: string; detail: string }[]).find((one) => one.step === name)?.detail ?? '';
      expect(step('limits')).to.include('do not hold for a transactional message');
      expect(step('who')).to.match(/the transactional call [0-9a-f]{24} of .* named the profile/);
    } finally {
      await stack.client.put('/v1/settings', {});
    }
  });

  it('keeps the rule of how often, and its control group', async () => {
    const who = await people('again', 2);
    const campaign = await campaignWith({ when: { requalify: { mode: 'once' } } });
    await send(campaign, to(who));
    await allSettled(stack, campaign);
    await send(campaign, { ...to(who), transactional: true });
    const rows = await waitFor('four messages', async () => {
      const all = await allSettled(stack, campaign);
      return all.length === 4 && all;
    });
    expect(rows.map((row) => row.reason ?? row.state).sort()).to.deep.equal([
      ...['frequencyCap', 'frequencyCap', 'sent', 'sent'],
    ]);
    const kept = await campaignWith({ setup: { controlGroup: { percent: 100 } } });
    await send(kept, to(who));
    await allSettled(stack, kept);
    expect(await balancedStats(stack, kept)).to.deep.include({ controlGroup: 2, sent: 0 });
  });

  it('sends what was written down although nobody could be told: the sweep starts its queue', async () => {
    const who = await people('crashed', 2);
    const campaign = await campaignWith();
    const row = (i: number): object => ({
      _id: `${i}`.repeat(24),
      profileId: `p${i}`,
      campaignId: campaign,
      version: 1,
      siteId: site.id,
      state: 'waiting',
      dueAt: new Date(),
      firstDueAt: new Date(),
      ...{ tries: 0, devices: [], attempts: [], receipts: [], createdAt: new Date(), queued: true },
      request: { sendId: 's', data: { orderId: 'x' } },
    });
    const ids = await Promise.all(
      who.identities.map(
        async (one) => (await stack.client.get(`/v1/profiles/${one}`)).body.objectId as string,
      ),
    );
    // Rows are there, and whoever wrote them ended before it told anybody, with the mark of the queue left behind.
    await stack.db.collection('awakeQueues').insertOne({ _id: campaign as never, at: new Date() });
    await stack.db.collection('messages').insertMany(ids.map((profileId, i) => ({ ...row(i), profileId })));
    await sweepAnew(stack);
    await allSettled(stack, campaign);
    expect(countsOf(stack, who.endpoints)).to.deep.equal([1, 1]);
  });

  it('says to whoever asks why: no call named the profile, or which one did', async () => {
    const who = await people('asked', 2);
    const [named, other] = who.identities;
    const campaign = await campaignWith();
    const { sendId } = (await send(campaign, { recipients: [{ identity: named, data: { orderId: '1' } }] }))
      .body;
    await allSettled(stack, campaign);
    const explain = async (identity = ''): Promise<Record<string, any>> =>
      (await stack.client.get(`/v1/campaigns/${campaign}/explain?identity=${identity}`)).body as object;
    const sent = await explain(named);
    expect(sent.verdict).to.equal('sent');
    expect(sent.steps.map(({ step }: { step: string }) => step)).to.not.include('schedule');
    expect(JSON.stringify(sent.steps))
      .to.include(`recorded: the call ${sendId as string} of`.slice(1))
      .and.not.include('segment');
    const not = await explain(other);
    expect(not).to.include({ verdict: 'notSent', summary: 'No message: no call named it.' });
  });

  it('erases what a call said of a profile together with it', async () => {
    const who = await people('erased');
    const campaign = await campaignWith({ when: { delay: '1h' } });
    await send(campaign, to(who, 'a secret order'));
    expect(await rowsOf(campaign)).to.have.length(1);
    expect((await stack.client.delete(`/v1/profiles/${who.identities[0]}`)).status).to.equal(204);
    expect(await rowsOf(campaign)).to.deep.equal([]);
  });

  it('can be tried on test profiles with sample data', async () => {
    const who = await people('tried', 1, { testProfile: true });
    const draft = (await stack.client.must('/v1/campaigns', definition())) as { id: string };
    const test = (body: object): Promise<Answer> =>
      stack.client.post(`/v1/campaigns/${draft.id}/test`, { identities: who.identities, ...body });
    expect(expectProblem(await test({}), 'validation_failed')).to.deep.equal(['/data/orderId']);
    expect(
      expectProblem(await test({ event: {}, data: { orderId: '1' } }), 'validation_failed'),
    ).to.deep.equal(['/event']);
    const answer = await test({ data: { orderId: '31' } });
    expect(answer.body.results[0], JSON.stringify(answer.body)).to.include({ sent: true });
    const [push] = pushesTo(stack, who.endpoints[0] ?? '');
    expect(push?.title).to.equal('Order 31');
  });

  it('cannot be published with times of runs', async () => {
    const faults = expectProblem(
      await stack.client.post(
        '/v1/campaigns',
        definition({ when: { schedule: { at: ['2030-01-01T09:00'] }, timezone: 'UTC', cutOff: '1h' } }),
      ),
      'validation_failed',
    );
    expect(faults).to.have.members(['/when/schedule', '/when/timezone', '/when/cutOff']);
  });
});

describe('a call to send while Temporal is away', function () {
  this.timeout(60_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack({ temporalAddress: `127.0.0.1:${await freePort()}`, workers: 0 });
  });
  after(() => stack?.close());

  it('is taken all the same, and leaves no mark as if somebody saw to the queue', async () => {
    const site = await makeSite(stack);
    await stack.client.must('/v1/profiles', { profiles: [{ identity: 'ada' }] });
    const campaign = await publish(stack, {
      ...{ name: 'Away', channel: 'webPush', siteId: site.id, who: { api: {} } },
      what: { title: 'Hello' },
    });
    const answer = await stack.client.post(`/v1/campaigns/${campaign}/send`, {
      recipients: [{ identity: 'ada' }],
    });
    expect(answer.status).to.equal(202);
    expect(answer.body).to.deep.include({ accepted: 1 });
    expect(await stack.db.collection('awakeQueues').countDocuments()).to.equal(0);
    const [row] = await stack.db.collection('messages').find({ campaignId: campaign }).toArray();
    expect(row).to.include({ queued: true, state: 'waiting' });
  });
});
