import { generateVapidKeys } from '../channels/web-push/vapid-keys.ts';
import { startSenderProcess, type RoundCost, type SenderKind } from './push-sender.ts';
import { startServiceProcess, type Delivered } from './push-service-process.ts';
import { median, printTable, printVerdicts, say, type Verdict } from './report.ts';

const LEAST_RATIO = 3;
const ROUNDS = 5;
const MESSAGES = 4_000;
const WARM_UP_MESSAGES = 2_000;
const SUBSCRIPTIONS = 1_000;
/** As many as a worker has under way in a page, and as many connections as it keeps to a push service. */
const CONCURRENCY = 64;
const CONNECTIONS = 16;

const KINDS: readonly SenderKind[] = ['library', 'channel'];

/** A notification as a campaign renders it. */
const PAYLOAD = JSON.stringify({
  v: 1,
  messageId: '0'.repeat(24),
  title: 'Anna, still thinking it over?',
  body: 'Trail shoes “Alpine” in size 42 are waiting in your cart 🛒',
  url: 'https://shop.example/cart/8c1f02?utm_source=beckon&utm_medium=push',
  icon: 'https://shop.example/icons/192.png',
  actions: [{ title: 'Check out', url: 'https://shop.example/checkout/8c1f02' }],
  receipt: { url: 'https://push.example/v1/sdk/receipts', token: 'x'.repeat(22) },
});

/**
 * Measures messages per second of the sender's processor time: the channel of the worker against `sendNotification`
 * of the library web-push, on the same push service, which decrypts every push before it answers.
 *
 * @param options `profile`: writes a CPU profile of each sender to the current folder
 * @returns whether every target was met
 */
export async function benchPush(options: string[]): Promise<boolean> {
  const vapid = { ...generateVapidKeys(), subject: 'mailto:ops@shop.example' };
  const service = startServiceProcess();
  const node = options.includes('profile') ? ['--cpu-prof', '--cpu-prof-dir=.beckon/bench'] : [];
  const senders = { library: startSenderProcess(node), channel: startSenderProcess(node) };
  try {
    const started = await service.ask('start', {
      subscriptions: SUBSCRIPTIONS,
      vapidPublicKey: vapid.publicKey,
    });
    for (const kind of KINDS) {
      await senders[kind].ask('setUp', {
        kind,
        service: started,
        vapid,
        payload: PAYLOAD,
        concurrency: CONCURRENCY,
        connections: CONNECTIONS,
      });
    }
    say(
      `${MESSAGES} messages a round to ${SUBSCRIPTIONS} subscriptions, ${Buffer.byteLength(PAYLOAD)} bytes each`,
    );
    const round = async (kind: SenderKind, name: string, messages: number): Promise<RoundCost> => {
      const cost = await senders[kind].ask('round', { name: `${kind}-${name}`, messages });
      check(kind, messages, cost, await service.ask('delivered', null));
      return cost;
    };
    for (const kind of KINDS) await round(kind, 'warm-up', WARM_UP_MESSAGES);
    const rounds: Record<SenderKind, RoundCost>[] = [];
    for (let i = 0; i < ROUNDS; i += 1) {
      // Each kind goes first in turn, so that what drifts cancels.
      const costs: Partial<Record<SenderKind, RoundCost>> = {};
      for (const kind of i % 2 === 0 ? KINDS : KINDS.toReversed()) {
        costs[kind] = await round(kind, String(i), MESSAGES);
      }
      rounds.push(costs as Record<SenderKind, RoundCost>);
    }
    return printVerdicts([report(rounds)]);
  } finally {
    await Promise.all([senders.library.stop(), senders.channel.stop(), service.stop()]);
  }
}

/** @throws when not every push was received, decrypted and accepted */
function check(kind: SenderKind, messages: number, cost: RoundCost, got: Delivered): void {
  const expected = {
    accepted: messages,
    delivered: messages,
    topics: messages,
    subscriptions: Math.min(messages, SUBSCRIPTIONS),
  };
  for (const [what, count] of Object.entries({ ...expected })) {
    const actual = what === 'accepted' ? cost.accepted : got[what as keyof Delivered];
    if (actual !== count) {
      throw new Error(
        `${kind}: ${what} is ${JSON.stringify(actual)}, not ${count}; ${got.refused.join(', ')}`,
      );
    }
  }
  if (got.payloads.length !== 1 || got.payloads[0] !== PAYLOAD) throw new Error(`${kind}: wrong payloads`);
}

function report(rounds: Record<SenderKind, RoundCost>[]): Verdict {
  const rate = ({ accepted, cpuSeconds }: RoundCost): number => accepted / cpuSeconds;
  const ratios = rounds.map(({ library, channel }) => rate(channel) / rate(library));
  say('\nMessages per second of the processor time of the sender');
  printTable([
    ['round', 'web-push', 'channel', 'ratio', 'seconds web-push', 'channel'],
    ...rounds.map(({ library, channel }, i) => [
      String(i + 1),
      rate(library).toFixed(0),
      rate(channel).toFixed(0),
      (ratios[i] ?? 0).toFixed(2),
      library.seconds.toFixed(2),
      channel.seconds.toFixed(2),
    ]),
  ]);
  const middle = median(ratios);
  say('');
  return {
    target: `at least ${LEAST_RATIO} times as many messages per CPU-second as web-push's sendNotification`,
    met: middle >= LEAST_RATIO,
    measured: `${middle.toFixed(2)} times (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  };
}
