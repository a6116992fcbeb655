import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { isInSample } from '../../domain/content/variants-sample.ts';
import { audience, balancedStats, finished, publishTo } from '../support/audience.ts';
import { makeSite, messagesOf, runsOf } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

interface Pushed {
  messageId: string;
  subscriptionId: string;
  receiptUrl: string;
  receiptToken: string;
  notification: { title: string };
}

/** From the beginning of the run; what the sample does must be reported before. */
const AFTER_MS = 15_000;
const SAMPLE = 50;
const PROFILES = 40;

describe('variants with a winner', function () {
  this.timeout(120_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack({ workers: 2 });
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const pushed = (endpoints: string[]): Pushed[] =>
    stack.push
      .received()
      .filter(({ endpoint }) => endpoints.includes(endpoint))
      .map(({ payload }) => JSON.parse(payload) as Pushed);

  async function report({ messageId, subscriptionId, receiptToken, receiptUrl }: Pushed, kind: string) {
    const at = new Date().toISOString();
    const receipt = { messageId, subscriptionId, token: receiptToken, kind, receiptId: randomUUID(), at };
    const answer = await fetch(receiptUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(receipt),
    });
    expect(answer.status).to.equal(204);
  }

  it('are tried with the sample, and whoever waited gets the one that was clicked', async () => {
    const group = await audience(stack, site, 'tried', { profiles: PROFILES, subscribed: PROFILES });
    const campaign = await publishTo(stack, site, group, {
      what: {
        // The one named first wins a tie: what is to win is named last.
        variants: [
          { name: 'plain', weight: 1, content: { title: 'plain' } },
          { name: 'bold', weight: 1, content: { title: 'bold' } },
        ],
        winner: { after: `${AFTER_MS / 1_000}s`, by: 'clicked', sample: SAMPLE },
      },
    });
    const rows = await waitFor('every message to be written down', async () => {
      const found = await messagesOf(stack, campaign);
      return found.length === PROFILES && found;
    });
    const sample = rows.filter((row) => isInSample(campaign, row.objectId as string, SAMPLE));
    expect(sample.length).to.be.within(1, PROFILES - 1);
    const ids = new Set(sample.map(({ id }) => id as string));
    const tried = await waitFor('the sample to be sent', () => {
      const pushes = pushed(group.endpoints);
      return pushes.length === sample.length && pushes;
    });
    expect(tried.every(({ messageId }) => ids.has(messageId))).to.equal(true);
    const titles = tried.map(({ notification }) => notification.title);
    const shown = { plain: titles.filter((title) => title === 'plain').length, bold: 0 };
    shown.bold = titles.length - shown.plain;
    expect(shown.bold).to.be.within(1, titles.length - 1);
    await waitFor(
      'what was sent to be counted',
      async () => (await balancedStats(stack, campaign)).sent === sample.length,
    );
    expect((await balancedStats(stack, campaign)).winner).to.equal(null);
    await Promise.all(
      tried.map((push) => report(push, push.notification.title === 'bold' ? 'clicked' : 'viewed')),
    );

    expect(await finished(stack, campaign)).to.equal('completed');
    const later = pushed(group.endpoints).filter(({ messageId }) => !ids.has(messageId));
    expect(later).to.have.length(PROFILES - sample.length);
    expect(new Set(later.map(({ notification }) => notification.title))).to.deep.equal(new Set(['bold']));

    const [run] = await runsOf(stack, campaign);
    const decidedAtMs = Date.parse(run?.createdAt as string) + AFTER_MS;
    for (const row of await messagesOf(stack, campaign)) {
      expect(row.state).to.equal('sent');
      if (!ids.has(row.id as string)) expect(Date.parse(row.sentAt as string)).to.be.at.least(decidedAtMs);
    }
    const stats = await balancedStats(stack, campaign);
    expect(stats.winner.variant).to.equal('bold');
    expect(Date.parse(stats.winner.at as string)).to.be.at.least(decidedAtMs);
    const bold = PROFILES - shown.plain;
    expect(stats.variants).to.deep.equal([
      {
        ...{ name: 'plain', weight: 1, sent: shown.plain, failed: 0 },
        ...{ delivered: 0, viewed: shown.plain, clicked: 0, dismissed: 0 },
        rates: { delivered: 0, viewed: 1, clicked: 0, dismissed: 0 },
      },
      {
        ...{ name: 'bold', weight: 1, sent: bold, failed: 0 },
        ...{ delivered: 0, viewed: 0, clicked: shown.bold, dismissed: 0 },
        rates: { delivered: 0, viewed: 0, clicked: shown.bold / bold, dismissed: 0 },
      },
    ]);

    const waited = rows.find(({ id }) => !ids.has(id as string));
    const { body } = await stack.client.get(
      `/v1/campaigns/${campaign}/explain?objectId=${waited?.objectId as string}`,
    );
    const steps = body.steps as { step: string; detail: string }[];
    expect(steps.find(({ step }) => step === 'delivery')?.detail).to.contain('as the variant "bold"');
  });
});
