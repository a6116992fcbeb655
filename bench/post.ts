import { Agent, request } from 'node:http';
import { ADMIN_KEY } from './api-process.ts';
import { identityOf, randomEvent } from './population.ts';
import type { Random } from './random.ts';

const BATCH = 1_000;
const IN_FLIGHT = 4;
/** How many visitors are on the site at the same time, so that their events come interleaved. */
const VISITORS_AT_ONCE = 2_000;
const EVENTS_A_SESSION = 10;

/** Bodies of calls, and whom the events in them are of. */
export interface Batches {
  bodies: Buffer[];
  events: number;
  visitors: Set<number>;
}

/** Visitors of a range of profiles, each with a session of ten events, {@link VISITORS_AT_ONCE} at a time. */
export function sessionBatches(random: Random, first: number, visitors: number): Batches {
  const present: { index: number; left: number }[] = [];
  let arrived = 0;
  return batches(random, visitors * EVENTS_A_SESSION, () => {
    while (present.length < VISITORS_AT_ONCE && arrived < visitors) {
      present.push({ index: first + arrived, left: EVENTS_A_SESSION });
      arrived += 1;
    }
    const place = random.below(present.length);
    const visitor = present[place];
    if (visitor === undefined) throw new Error('nobody is left');
    visitor.left -= 1;
    if (visitor.left === 0) {
      const last = present.pop();
      if (last !== undefined && last !== visitor) present[place] = last;
    }
    return visitor.index;
  });
}

/** Events of anybody among so many profiles. */
export function uniformBatches(random: Random, events: number, profiles: number): Batches {
  return batches(random, events, () => random.below(profiles));
}

function batches(random: Random, events: number, visitor: () => number): Batches {
  const bodies: Buffer[] = [];
  const visitors = new Set<number>();
  const next = (): number => {
    const index = visitor();
    visitors.add(index);
    return index;
  };
  for (let made = 0; made < events; made += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, events - made) }, () => ({
      eventId: random.hex(3),
      identity: identityOf(next()),
      ...randomEvent(random),
    }));
    bodies.push(Buffer.from(JSON.stringify({ events: batch })));
  }
  return { bodies, events, visitors };
}

/** Posts every batch, four at a time on connections that are kept. @throws unless all was stored */
export async function postAll(url: string, { bodies }: Batches): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const queue = bodies.values();
  try {
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        for (const body of queue) {
          const answer = await post(agent, `${url}/v1/events`, body);
          if (answer.status !== 202 || !answer.text.includes('"duplicates":0'))
            throw new Error(`POST /v1/events answered ${answer.status}: ${answer.text}`);
        }
      }),
    );
  } finally {
    agent.destroy();
  }
}

/** Asks how many profiles a segment holds that holds nobody: answered when all that was posted is folded. */
export async function caughtUpAt(url: string): Promise<void> {
  const agent = new Agent();
  const segment = { property: 'country', op: 'eq', value: 'nowhere' };
  try {
    const body = Buffer.from(JSON.stringify({ segment }));
    for (;;) {
      const answer = await post(agent, `${url}/v1/segments/estimate`, body);
      if (answer.status === 200) return;
      // It does not wait for ever; folding goes on all the same.
      if (answer.status !== 503)
        throw new Error(`the estimate was answered ${answer.status}: ${answer.text}`);
    }
  } finally {
    agent.destroy();
  }
}

function post(agent: Agent, url: string, body: Buffer): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${ADMIN_KEY}`,
      'content-type': 'application/json',
      'content-length': body.length,
    };
    const call = request(url, { agent, method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    call.on('error', reject).end(body);
  });
}
