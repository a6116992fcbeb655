import { expect } from 'chai';
import { connectDatabase } from '../../db/connection.ts';
import { createEventNames } from '../../db/segments/event-names.ts';
import { AUDIENCE_LIMITS, createAudienceRepository } from '../../db/segments/audience.ts';
import { partOf } from '../../db/segments/parts.ts';
import { createRollupRepository } from '../../db/segments/rollup.ts';
import { SegmentTooSlow } from '../../domain/audience/audience-errors.ts';
import type { Segment } from '../../domain/audience/segment.ts';
import { sharedServers } from '../support/servers.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const PROFILES = 20_000;

describe('a segment that no index can help', function () {
  this.timeout(120_000);
  let stack: TestStack;
  /** Every document is read, and so many texts are looked for in each. */
  const looksFor = (texts: number): Segment => ({
    any: Array.from({ length: texts }, (_, i) => ({ property: 'story', op: 'contains', value: `no ${i}` })),
  });

  before(async () => {
    stack = await startStack({ workers: 0 });
    const story = 'once upon a time '.repeat(20);
    const profiles = Array.from({ length: PROFILES }, (_, i) => ({
      _id: i.toString(16).padStart(24, '0') as never,
      testProfile: false,
      part: partOf(i.toString(16).padStart(24, '0')),
      properties: { story },
      q: { [partOf(i.toString(16).padStart(24, '0'))]: { testProfile: false, story } },
    }));
    for (let i = 0; i < PROFILES; i += 2_000)
      await stack.db.collection('profiles').insertMany(profiles.slice(i, i + 2_000));
  });
  after(() => stack.close());

  it('is answered all the same, and events are taken meanwhile', async () => {
    let answered = 0;
    const estimates = Array.from({ length: 6 }, async () => {
      const answer = await stack.client.post('/v1/segments/estimate', { segment: looksFor(36) });
      answered += 1;
      return answer;
    });
    let posts = 0;
    while (answered < estimates.length) {
      const answer = await stack.client.post('/v1/events', {
        events: [{ identity: `p${posts}`, name: 'Anything' }],
      });
      expect(answer.status).to.equal(202);
      posts += 1;
    }
    for (const answer of await Promise.all(estimates)) {
      expect(answer.status).to.equal(200);
      expect(answer.body).to.have.property('qualified', 0);
    }
    // Had the estimates held it up, hardly one would have come through for each.
    expect(posts).to.be.above(estimates.length);
  });

  it('is cut off by its time limit with an error that says so', async () => {
    const connection = await connectDatabase((await sharedServers()).mongoUri(stack.db.databaseName));
    try {
      const names = createEventNames(connection);
      const clock = { now: () => new Date() };
      const rollup = createRollupRepository(connection, clock, names);
      const limits = { ...AUDIENCE_LIMITS, estimateMs: 50, membersMs: 50, pageMs: 50 };
      const audience = createAudienceRepository(connection, rollup, names, limits);
      const nowMs = Date.now();
      const faultOf = (work: Promise<unknown>) => work.then(String, (error: unknown) => error);
      expect(await faultOf(audience.estimate(looksFor(199), { nowMs }))).to.be.instanceOf(SegmentTooSlow);
      expect(await faultOf(audience.page(looksFor(199), null, 100, nowMs))).to.be.instanceOf(SegmentTooSlow);
    } finally {
      await connection.close();
    }
  });
});
