import type { Gate } from '../../domain/campaign.ts';
import type { Attempt, Device, Message } from '../../domain/message.ts';
import type { ClaimQuery, MessageResult, Settlement } from '../../domain/ports/repositories.ts';
import { judgeTry, type DeviceOutcome } from '../../domain/settle.ts';
import { giveBack, mayHold } from './allowances.ts';
import type { DeliveryDeps } from './deps.ts';
import { forEachLimit } from './for-each-limit.ts';
import { definitionKey, loadPageContext, type PageContext } from './page-context.ts';
import { prepare, type Prepared } from './prepare.ts';
import { createRecorder } from './recorder.ts';

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

/** What a gate that is not open does to a row. */
export type WhenPaused = 'drop' | 'keep';

/**
 * Claims a page of due rows, sends them and records what became of each: prepare → send → judge → record.
 *
 * The fence: a send starts only while this call's own monotonic deadline has not passed, the gate is open
 * under a lease, and `signal` is not aborted. Rows that could not start go back as they were.
 *
 * @param options.sinceMs by the monotonic clock: from when the deadline counts, when that is before the claim
 */
export async function deliverPage(
  deps: DeliveryDeps,
  query: ClaimQuery,
  options: { whenPaused: WhenPaused; signal?: AbortSignal; sinceMs?: number },
): Promise<PageResult> {
  const { limits, clock } = deps;
  const claimedAt = options.sinceMs ?? clock.monotonicMs();
  const token = deps.random.token();
  const rows = await deps.messages.claim(query, token, clock.nowMs(), limits.leaseMs);
  const result: PageResult = { claimed: rows.length, begun: 0, gate: null, settlements: new Map(), lost: [] };
  if (rows.length === 0) return result;

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
  ): Promise<void> => {
    result.settlements.set(row.id, settlement);
    await recorder.add(resultOf(row, token, settlement, devices, attempts));
  };

  const work = async (row: Message): Promise<void> => {
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
    const attempts = mayBegin() ? await sendToDevices(deps, prepared, mayBegin) : [];
    if (attempts.length === 0) return finish(row, asItWas(row), row.devices, []);
    result.begun += 1;
    for (const { subscriptionId, outcome } of attempts) if (outcome.kind === 'gone') gone.add(subscriptionId);
    const { devices, settlement } = judge(deps, row, prepared, attempts);
    return finish(row, settlement, devices, attempts);
  };

  try {
    await forEachLimit(rows, limits.concurrency, work);
  } finally {
    // Whatever broke the page off: what was not begun need not wait for the lease to run out.
    const untouched = rows.filter((row) => !result.settlements.has(row.id));
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

/** @returns what became of the sends that were begun */
async function sendToDevices(
  deps: DeliveryDeps,
  prepared: Extract<Prepared, { kind: 'send' }>,
  mayBegin: () => boolean,
): Promise<Attempt[]> {
  const tries = prepared.requests.map(async ({ subscriptionId, request }): Promise<Attempt[]> => {
    const at = new Date(deps.clock.nowMs());
    const startedMs = deps.clock.monotonicMs();
    const outcome = await deps.webPush.send(request, mayBegin);
    const durationMs = Math.round(deps.clock.monotonicMs() - startedMs);
    return outcome.kind === 'notBegun' ? [] : [{ subscriptionId, outcome, at, durationMs }];
  });
  return (await Promise.all(tries)).flat();
}

function judge(
  deps: DeliveryDeps,
  row: Message,
  prepared: Extract<Prepared, { kind: 'send' }>,
  outcomes: DeviceOutcome[],
): { devices: Device[]; settlement: Settlement } {
  const nowMs = deps.clock.nowMs();
  const { devices, verdict } = judgeTry({
    devices: prepared.devices,
    outcomes,
    tries: row.tries,
    nowMs,
    expiresAtMs: prepared.expiresAtMs,
    random: deps.random.fraction(),
  });
  const sentAt = row.sentAt ?? new Date(nowMs);
  switch (verdict.kind) {
    case 'sent':
      return { devices, settlement: { kind: 'sent', sentAt } };
    case 'failed':
      return { devices, settlement: { kind: 'failed', reason: verdict.reason } };
    case 'expired':
      return {
        devices,
        settlement: {
          kind: 'suppressed',
          reason: 'expired',
          detail: 'no try fits into its time to live',
          qualified: true,
        },
      };
    case 'retryAt': {
      const dueAt = new Date(verdict.atMs);
      return {
        devices,
        settlement: { kind: 'again', dueAt, tried: true, ...(verdict.accepted ? { sentAt } : {}) },
      };
    }
  }
}

function resultOf(
  row: Message,
  token: string,
  settlement: Settlement,
  devices: Device[],
  attempts: Attempt[],
): MessageResult {
  return { messageId: row.id, token, settlement, devices, attempts };
}

/** A row that was claimed and not started goes back with its own due instant. */
function asItWas(row: Message): Settlement {
  return { kind: 'again', dueAt: row.dueAt, tried: false };
}

function behindGate(row: Message, gate: Exclude<Gate, 'open'>, whenPaused: WhenPaused): Settlement {
  if (row.sentAt !== undefined && gate !== 'notStarted') return { kind: 'sent', sentAt: row.sentAt };
  switch (gate) {
    case 'paused':
      return whenPaused === 'keep' ? asItWas(row) : suppressedBy('paused');
    case 'stopped':
      return suppressedBy('stopped');
    case 'ended':
      return suppressedBy('ended');
    case 'notStarted':
      return { kind: 'again', dueAt: new Date(row.dueAt.getTime() + 1_000), tried: false };
  }
}

function suppressedBy(reason: 'paused' | 'stopped' | 'ended'): Settlement {
  return { kind: 'suppressed', reason, qualified: true };
}
