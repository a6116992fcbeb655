import { expect } from 'chai';
import { audience, finished, publishTo, type Audience } from '../support/audience.ts';
import { makeSite } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

type Progress = Record<string, any>;
const FIGURES = ['due', 'waiting', 'sending', 'sent', 'failed', 'suppressed', 'controlGroup'] as const;

describe('the progress of a run', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    // Small pages that a slow push service holds up, so that there is something to see.
    stack = await startStack({ limits: { pageSize: 10, concurrency: 5 } });
    site = await makeSite(stack);
  });
  after(() => stack?.close());
  afterEach(() => stack.push.setDelay(0));

  const runOf = async (campaign: string): Promise<Progress> => {
    const { body } = await stack.client.get(`/v1/campaigns/${campaign}/runs`);
    const { progress, ...run } = body.data[0] as Progress;
    // Counted while messages are sent, and yet all at one instant.
    const sum = FIGURES.reduce((total, name) => total + (progress[name] as number), 0);
    expect(progress.materialised, JSON.stringify(progress)).to.equal(sum);
    return { ...run, ...progress };
  };
  /** @param options.over waits for the end of the workflow first */
  const detailsOf = async (workflowId: string, { over = false } = {}): Promise<string> => {
    const handle = stack.temporal.workflow.getHandle(workflowId);
    if (over) await handle.result();
    const metadata = await handle.query('__temporal_workflow_metadata');
    return (metadata as { currentDetails?: string }).currentDetails ?? '';
  };
  /** 60 profiles: 10 have no browser, 5 gave theirs up, 5 wait for so many seconds at first. */
  const mixed = async (group: string, retryAfter: string): Promise<Audience> => {
    const made = await audience(stack, site, group, { profiles: 60, subscribed: 50 });
    for (const endpoint of made.endpoints.slice(0, 5)) stack.push.unsubscribe(endpoint);
    for (const subscription of made.endpoints.slice(5, 10)) {
      stack.push.answer({ subscription, answer: { status: 429, retryAfter }, times: 1 });
    }
    return made;
  };

  it('adds up while it drains and when it is over', async () => {
    const who = await mixed('progress', '6');
    stack.push.setDelay(100);
    const campaign = await publishTo(stack, site, who);
    const seen: Progress[] = [];
    await waitFor('several looks at it', async () => {
      const now = await runOf(campaign);
      if (now.status === 'draining') seen.push(now);
      return now.status === 'completed';
    });
    for (const one of seen) expect(one.materialised).to.equal(60);
    const settled = seen.map((one) => 60 - one.due - one.waiting - one.sending);
    expect(settled).to.deep.equal([...settled].sort((a, b) => a - b));
    expect(new Set(settled).size, 'different figures on the way').to.be.above(2);
    expect(seen.some((one) => one.sending > 0)).to.equal(true);
    // Those that were put off are not due, and the end is not expected before they are.
    const waiting = seen.filter((one) => one.waiting === 5 && one.due + one.sending === 0);
    expect(waiting.length).to.be.above(0);
    for (const one of waiting) expect(Date.parse(one.expectedEnd as string)).to.be.above(Date.now() - 60_000);
    const rates = seen.flatMap((one) => (one.ratePerMinute as number | null) ?? []);
    expect(Math.max(...rates)).to.be.within(60, 60 * 60);

    expect(await finished(stack, campaign)).to.equal('completed');
    const over = await runOf(campaign);
    expect(over).to.include({
      status: 'completed',
      materialised: 60,
      sent: 45,
      failed: 5,
      suppressed: 10,
      controlGroup: 0,
      due: 0,
      ratePerMinute: null,
      expectedEnd: null,
    });
    expect(await detailsOf(over.workflowId as string, { over: true })).to.equal(
      'Completed: 60 messages: 45 sent, 5 failed, 10 suppressed.',
    );
    expect(Date.parse(over.drainingAt as string)).to.be.within(
      Date.parse(over.createdAt as string),
      Date.parse(over.finishedAt as string),
    );
    // What it came to is kept: it is not counted once more.
    await stack.db.collection('messages').deleteMany({ runId: over.id as string });
    expect(await runOf(campaign)).to.include({ materialised: 60, sent: 45 });
  });

  it('says in the workflow how far it has come while it waits', async () => {
    const who = await mixed('details', '600');
    // For more than a second: less says nothing about the rate.
    stack.push.setDelay(200);
    const campaign = await publishTo(stack, site, who);
    const { id, workflowId } = await waitFor('the run', async () => {
      const now = await runOf(campaign);
      return now.status === 'draining' && now;
    });
    // Of a huge run figures are kept, but not those of its beginning for all the time that it waits.
    await stack.db.collection('runs').updateOne({ _id: id as never }, { $set: { 'counts.tookMs': 1_000 } });
    const details = await waitFor('its figures', async () => {
      const text = await detailsOf(workflowId as string).catch(() => '');
      return text.startsWith('Draining: ') && text;
    });
    expect(details).to.match(
      /^Draining: 55 of 60 settled, 40 sent, 5 failed, 10 suppressed; [\d,]+ a minute; expected end .* UTC\.$/,
    );
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    expect(await finished(stack, campaign)).to.equal('stopped');
  });

  it('of a paused campaign tells no end, and of a stopped one what it came to', async () => {
    const who = await audience(stack, site, 'paused', { profiles: 60, subscribed: 60 });
    stack.push.setDelay(200);
    const campaign = await publishTo(stack, site, who);
    const { id } = await waitFor('the first sends', async () => {
      const now = await runOf(campaign);
      return now.sent > 0 && now;
    });
    await stack.client.must(`/v1/campaigns/${campaign}/pause`);
    const counted = (state: string): Promise<number> =>
      stack.db.collection('messages').countDocuments({ runId: id as string, state });
    await waitFor('what had left to be recorded', async () => (await counted('sending')) === 0);
    // Figures are kept for a little while.
    const paused = await waitFor('it to stand still', async () => {
      const now = await runOf(campaign);
      return now.sending === 0 && now.sent === (await counted('sent')) && now;
    });
    expect(paused).to.include({ status: 'draining', expectedEnd: null, materialised: 60 });
    expect(paused.due)
      .to.equal(60 - paused.sent)
      .and.to.be.above(0);
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    await finished(stack, campaign);
    const stopped = await waitFor('its end', async () => {
      const now = await runOf(campaign);
      return now.status === 'stopped' && now;
    });
    expect(stopped).to.include({ sent: paused.sent, suppressed: 60 - paused.sent, due: 0 });
    const [sent, not] = [stopped.sent, stopped.suppressed] as number[];
    expect(await detailsOf(stopped.workflowId as string, { over: true })).to.match(
      new RegExp(`^Stopped: .* In all 60 messages: ${sent} sent, ${not} suppressed\\.$`),
    );
  });

  it('is counted from indexes alone', async () => {
    const { body } = await stack.client.get('/v1/campaigns');
    const campaign = body.data[0].id as string;
    const run = await runOf(campaign);
    await stack.db.collection('runs').updateOne({ _id: run.id as never }, { $unset: { counts: '' } });
    await stack.db.command({ profile: 2 });
    try {
      await runOf(campaign);
    } finally {
      await stack.db.command({ profile: 0 });
    }
    const counted = await stack.db
      .collection('system.profile')
      .find({ op: 'command', 'command.aggregate': 'messages' })
      .toArray();
    expect(counted).to.have.length(2);
    expect(counted.map(({ docsExamined }) => docsExamined as number)).to.deep.equal([0, 0]);
  });

  it('lists the latest run first, page by page', async () => {
    const campaign = await publishTo(
      stack,
      site,
      await audience(stack, site, 'one', { profiles: 1, subscribed: 1 }),
    );
    await finished(stack, campaign);
    const runs = stack.db.collection('runs');
    const known = await runs.findOne({ campaignId: campaign });
    const ids = ['c', 'a', 'b'].map((digit) => digit.repeat(24));
    await runs.insertMany(
      ids.map((id, i) => ({
        ...known,
        _id: id as never,
        instant: new Date(Date.now() - (i + 1) * 3_600_000),
        status: 'missed',
        local: '2027-01-01T09:00',
        counts: undefined,
      })),
    );
    const page = async (query: string) =>
      (await stack.client.get(`/v1/campaigns/${campaign}/runs${query}`)).body as Progress;
    const first = await page('?limit=2');
    expect(first.data.map(({ id }: Progress) => id as string)).to.deep.equal([known?._id, ids[0]]);
    const second = await page(`?limit=2&cursor=${first.nextCursor as string}`);
    expect(second.data.map(({ id }: Progress) => id as string)).to.deep.equal([ids[1], ids[2]]);
    expect(second.data[0]).to.deep.include({ status: 'missed', local: '2027-01-01T09:00' });
    expect(second.data[0].progress).to.include({ materialised: 0, expectedEnd: null });
    expect((await stack.client.get(`/v1/campaigns/${campaign}/runs?limit=101`)).status).to.equal(422);
  });
});
