import type { Gate } from '../../domain/campaign/campaign.ts';
import type { Attempt, Device, Message } from '../../domain/delivery/message.ts';
import type { ClaimQuery, Settlement } from '../../domain/ports/messages.ts';
import { giveBack, mayHold } from './allowances.ts';
import { alone, type Batches } from './batches.ts';
import { claimWhole } from './claim-whole.ts';
import type { DeliveryDeps } from './deps.ts';
import { fillRequest, type RequestPlan } from './fill-request.ts';
import { forEachLimit } from './for-each-limit.ts';
import { definitionKey, loadPageContext, type PageContext } from './page-context.ts';
import { prepare } from './prepare.ts';
import { createRecorder } from './recorder.ts';
import { asItWas, behindGate, inAMoment, judge, resultOf, type WhenPaused } from './settlements.ts';
import type { Sent, WebhookItem } from './webhook-request.ts';

/** What one page came to. */
export interface PageResult {
  claimed: number;
  /** Of how many a send was begun. */
  begun: number;
  /** The gate that stopped it, when one did. */
  gate: Exclude<Gate, 'open'> | null;
  /** How each row was left, by id. */
  settlements: Map<string, Settlement>;
  /** Rows whose lease had passed on before their result was written. */
  lost: string[];
}

export interface PageOptions {
  whenPaused: WhenPaused;
  signal?: AbortSignal;
  sinceMs?: number;
  request?: RequestPlan | undefined;
  onFilled?: (() => void) | undefined;
}

/**
 * Claims a page of due rows, sends them and records what became of each: prepare → send → judge → record.
 *
 * The fence: a send starts only while this call's own monotonic deadline has not passed, the gate is open
 * under a lease, and `signal` is not aborted. Rows that could not start go back as they were.
 *
 * @param options.sinceMs by the monotonic clock: from when the deadline counts, when that is before the claim
 * @param options.request webhooks: all that leaves goes in one request
 * @param options.onFilled told when the request takes no more rows; not at all when there were none
 */
export async function deliverPage(
  deps: DeliveryDeps,
  query: ClaimQuery,
  options: PageOptions,
): Promise<PageResult> {
  const { limits, clock } = deps;
  const claimedAt = options.sinceMs ?? clock.monotonicMs();
  const token = deps.random.token();
  const { rows, apart } = await claimWhole(deps, query, token, options.request !== undefined);
  const result: PageResult = {
    claimed: rows.length + apart.length,
    begun: 0,
    gate: null,
    settlements: new Map(),
    lost: [],
  };
  if (rows.length + apart.length === 0) return result;

  const mayStart = (): boolean =>
    clock.monotonicMs() - claimedAt < limits.startWithinMs && options.signal?.aborted !== true;
  const context = await loadPageContext(deps, rows);
  // Nobody else takes the rows before the lease has run out: until then a result is worth another write.
  const mayRecord = (): boolean => clock.monotonicMs() - claimedAt < limits.leaseMs;
  const recorder = createRecorder(deps.messages, limits, mayRecord);
  const gone = new Set<string>();
  const holding = new Set(rows.filter(mayHold).map((row) => row.id));

  const finish = async (
    row: Message,
    settlement: Settlement,
    devices: Device[],
    attempts: Attempt[],
    variant?: string,
  ): Promise<void> => {
    result.settlements.set(row.id, settlement);
    await recorder.add({ ...resultOf(row, token, settlement, devices, attempts), variant });
  };
  const work = async (row: Message, joining: Batches<Sent, WebhookItem>): Promise<void> => {
    const gate = mayStart() ? await deps.gate.refresh(row.campaignId) : 'open';
    if (gate !== 'open') {
      result.gate = gate;
      return finish(row, behindGate(row, gate, options.whenPaused), row.devices, []);
    }
    if (!mayStart()) return finish(row, asItWas(row), row.devices, []);
    const prepared = await prepare(deps, row, context);
    if (row.sentAt === undefined && (prepared.kind === 'send' || prepared.mayHold)) holding.add(row.id);
    if (prepared.kind === 'settle') return finish(row, prepared.settlement, prepared.devices, []);

    // Preparing may have taken long, and a connection may be made first: the last look is at clocks only, and
    // is taken when the request would go on the wire.
    await deps.gate.refresh(row.campaignId);
    const mayBegin = (): boolean =>
      mayStart() && clock.nowMs() < prepared.startBeforeMs && deps.gate.now(row.campaignId) === 'open';
    const { ready } = prepared;
    const sent: Sent = mayBegin() ? await ready.send(mayBegin, joining) : { attempts: [] };
    if (sent.attempts.length === 0) return finish(row, asItWas(row), row.devices, []);
    result.begun += 1;
    for (const { subscriptionId, outcome } of sent.attempts)
      if (outcome.kind === 'gone') gone.add(subscriptionId);
    const { devices, settlement } = judge(deps, row, prepared, sent);
    return finish(row, settlement, devices, sent.attempts, ready.variant);
  };
  const keeper = keepGates(deps, rows);
  try {
    for (const row of apart) await finish(row, inAMoment(deps, row), row.devices, []);
    const { request, signal, onFilled } = options;
    if (request)
      await fillRequest({ deps, query, request, signal, onFilled, token, rows, context, mayStart, work });
    else await forEachLimit(rows, limits.concurrency, (row) => work(row, alone()));
  } finally {
    keeper.stop();
    // Whatever broke the page off: what was not begun need not wait for the lease to run out.
    const untouched = [...rows, ...apart].filter((row) => !result.settlements.has(row.id));
    result.lost = await recorder.close(
      untouched.map((row) => resultOf(row, token, asItWas(row), row.devices, [])),
    );
    if (gone.size > 0) await deps.subscriptions.expire([...gone]);
    const held = rows.filter((row) => holding.has(row.id) && !result.lost.includes(row.id));
    await giveBackUnsent(deps, held, result.settlements, context);
  }
  if (result.lost.length > 0) {
    deps.log.warn(
      { messages: result.lost.slice(0, 20), count: result.lost.length },
      'results came after the lease had passed on',
    );
  }
  return result;
}

/** Only what is recorded as closed: whoever takes a row over when its lease has run out may be sending it. */
async function giveBackUnsent(
  deps: DeliveryDeps,
  rows: Message[],
  settlements: Map<string, Settlement>,
  context: PageContext,
): Promise<void> {
  await forEachLimit(rows, deps.limits.concurrency, async (row) => {
    const kind = settlements.get(row.id)?.kind;
    const definition = context.definitions.get(definitionKey(row));
    if (!definition || kind === undefined || kind === 'sent' || kind === 'again') return;
    await giveBack(deps.allowances, row, definition, { keepTurn: kind === 'control' });
  });
}

/**
 * Looks at the gates again and again while a page is under way: a request may wait for a connection longer than the
 * gate is known for, and begins only while it is known to be open.
 */
function keepGates(deps: DeliveryDeps, rows: Message[]): { stop(): void } {
  const ids = [...new Set(rows.map((row) => row.campaignId))];
  const timer = setInterval(() => {
    for (const id of ids) deps.gate.refresh(id).catch(() => undefined);
  }, GATE_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
    },
  };
}

const GATE_EVERY_MS = 250;
