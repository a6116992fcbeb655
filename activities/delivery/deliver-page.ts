import type { Gate } from '../../domain/campaign/campaign.ts';
import type { Attempt, Device, Message } from '../../domain/delivery/message.ts';
import type { ClaimQuery, MessageResult, Settlement } from '../../domain/ports/messages.ts';
import { judgeTry } from '../../domain/delivery/settle.ts';
import { giveBack, mayHold } from './allowances.ts';
import { delay } from '../delay.ts';
import { alone, createRequestBatch, type Batches } from './batches.ts';
import type { DeliveryDeps } from './deps.ts';
import { forEachLimit } from './for-each-limit.ts';
import { definitionKey, loadPageContext, type PageContext } from './page-context.ts';
import { prepare, type Prepared } from './prepare.ts';
import { createRecorder } from './recorder.ts';
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

/** What a gate that is not open does to a row. */
export type WhenPaused = 'drop' | 'keep';

export interface PageOptions {
  whenPaused: WhenPaused;
  signal?: AbortSignal;
  sinceMs?: number;
  request?: RequestPlan | undefined;
  onFilled?: (() => void) | undefined;
}

/** One request that is to be filled. */
export interface RequestPlan {
  size: number;
  bytes: number;
  /** How long it waits for more to fall due. */
  maxWaitMs: number;
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
    if (options.request)
      await fillRequest({
        deps,
        query,
        options,
        request: options.request,
        token,
        rows,
        context,
        mayStart,
        work,
      });
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
 * Claims rows. What travelled in one request before does so again as a whole, so that whoever receives it can tell
 * it for a repeat by its name: of each such batch all is claimed that is open.
 *
 * @returns beside the rows those of batches of which somebody else holds a part right now
 */
async function claimWhole(
  deps: DeliveryDeps,
  query: ClaimQuery,
  token: string,
  isOneRequest: boolean,
): Promise<{ rows: Message[]; apart: Message[] }> {
  const { messages, clock, limits } = deps;
  const claimed = await messages.claim(query, token, clock.nowMs(), limits.leaseMs);
  const fresh = claimed.filter((row) => row.batchId === undefined);
  const whole: Message[][] = [];
  const apart: Message[] = [];
  for (const batchId of new Set(claimed.flatMap((row) => row.batchId ?? []))) {
    const batch = await messages.claim({ batchId }, token, clock.nowMs(), limits.leaseMs);
    const isWhole = (await messages.countOpenOfBatch(batchId)) === batch.length;
    if (isWhole) whole.push(batch);
    else apart.push(...batch);
  }
  const [first] = whole;
  if (!isOneRequest || !first) return { rows: [...fresh, ...whole.flat()], apart };
  // The others have a request of their own: they come back to whoever claims next.
  const others = [...fresh, ...whole.slice(1).flat()];
  await messages.record(others.map((row) => resultOf(row, token, asItWas(row), row.devices, [])));
  return { rows: first, apart };
}

/**
 * Fills one request and lets it leave: with the rows that were claimed, and while there is room with more of what is
 * due. Each new row is among `rows` from then on.
 */
async function fillRequest(page: {
  deps: DeliveryDeps;
  query: ClaimQuery;
  options: PageOptions;
  request: RequestPlan;
  token: string;
  rows: Message[];
  context: PageContext;
  mayStart: () => boolean;
  work: (row: Message, batches: Batches<Sent, WebhookItem>) => Promise<void>;
}): Promise<void> {
  const { deps, query, options, request, token, rows, context, mayStart, work } = page;
  const { clock } = deps;
  const startedMs = clock.monotonicMs();
  const isRepeat = rows.some((row) => row.batchId !== undefined);
  const batch = createRequestBatch<Sent, WebhookItem>(
    isRepeat ? { size: Infinity, bytes: Infinity } : request,
  );
  const working: Promise<void>[] = [];

  /** Resolves when each of the rows has joined the request, or will not. */
  async function place(fresh: Message[]): Promise<void> {
    const placed = fresh.map(
      (row) =>
        new Promise<void>((resolve) => {
          const joining: Batches<Sent, WebhookItem> = {
            join(kind, item) {
              const answer = batch.join(kind, item);
              resolve();
              return answer;
            },
          };
          working.push(work(row, joining).finally(resolve));
        }),
    );
    // A fault is thrown in the end, when what joined has left.
    for (const one of working) one.catch(() => undefined);
    await Promise.all(placed);
  }

  try {
    await place(rows);
    while ('limit' in query && !isRepeat && !batch.isFull() && batch.joined() > 0 && mayStart()) {
      const limit = request.size - batch.joined();
      const more = await deps.messages.claim({ ...query, limit }, token, clock.nowMs(), deps.limits.leaseMs);
      const fresh = more.filter((row) => row.batchId === undefined);
      rows.push(...more);
      if (more.length > fresh.length) break;
      if (fresh.length > 0) {
        merge(context, await loadPageContext(deps, fresh));
        await place(fresh);
        continue;
      }
      const leftMs = request.maxWaitMs - (clock.monotonicMs() - startedMs);
      if (leftMs <= 0 || options.signal?.aborted) break;
      await delay(Math.min(leftMs, FILL_EVERY_MS), options.signal);
    }
  } finally {
    batch.close();
    options.onFilled?.();
    await Promise.allSettled(working);
  }
  await Promise.all(working);
}

/** How often a request that waits for more looks for it. */
const FILL_EVERY_MS = 50;

function merge(context: PageContext, more: PageContext): void {
  for (const name of [
    'campaigns',
    'definitions',
    'sites',
    'webhooks',
    'profiles',
    'subscriptions',
    'events',
    'latestZones',
  ] as const)
    for (const [key, value] of more[name]) (context[name] as Map<string, unknown>).set(key, value);
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

function judge(
  deps: DeliveryDeps,
  row: Message,
  prepared: Extract<Prepared, { kind: 'send' }>,
  { attempts, judged }: Sent,
): { devices: Device[]; settlement: Settlement } {
  const nowMs = judged?.nowMs ?? deps.clock.nowMs();
  const { devices, verdict } = judgeTry({
    devices: prepared.devices,
    outcomes: attempts,
    tries: row.tries,
    nowMs,
    expiresAtMs: prepared.expiresAtMs,
    random: judged?.fraction ?? deps.random.fraction(),
    policy: prepared.ready.retry,
  });
  const sentAt = row.sentAt ?? new Date(nowMs);
  switch (verdict.kind) {
    case 'sent':
      return { devices, settlement: { kind: 'sent', sentAt } };
    case 'failed':
      return {
        devices,
        settlement: { kind: 'failed', reason: verdict.reason, ...detailOf(attempts, verdict.reason) },
      };
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

/** @returns what the other side said beside the reason that the message failed for */
function detailOf(attempts: Attempt[], reason: string): { detail?: string } {
  for (const { outcome } of attempts)
    if (outcome.kind === 'rejected' && outcome.reason === reason && outcome.detail !== undefined)
      return { detail: outcome.detail };
  return {};
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

/** Holders that each have a part of a batch try again, and not both at the same time. */
function inAMoment(deps: DeliveryDeps, row: Message): Settlement {
  const ms = APART_MS * (1 + 4 * deps.random.fraction());
  return {
    kind: 'again',
    dueAt: new Date(Math.max(row.dueAt.getTime(), deps.clock.nowMs() + ms)),
    tried: false,
  };
}

const APART_MS = 250;

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
