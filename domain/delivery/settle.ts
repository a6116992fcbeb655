import type { Device } from './message.ts';
import type { DeliveryOutcome } from './outcome.ts';
import { nextTry, type RetryableOutcome, type RetryPolicy } from './retry.ts';

/** What became of one try, for one device. */
export interface DeviceOutcome {
  subscriptionId: string;
  outcome: DeliveryOutcome;
}

/** How a message stands after a try to all its pending devices. */
export type SendVerdict =
  | { kind: 'sent' }
  | { kind: 'failed'; reason: string }
  | { kind: 'expired' }
  | { kind: 'retryAt'; atMs: number; accepted: boolean };

/**
 * Folds the outcomes of a try into the devices and judges the message: it comes back while a device may still
 * be reached, is sent when one accepted it, and has failed when none did.
 *
 * @param input.tries how often it was tried before this try
 * @param input.random a number in [0, 1)
 * @param input.policy absent: that of push services
 */
export function judgeTry(input: {
  devices: Device[];
  outcomes: DeviceOutcome[];
  tries: number;
  nowMs: number;
  expiresAtMs: number;
  random: number;
  policy?: RetryPolicy | undefined;
}): { devices: Device[]; verdict: SendVerdict } {
  const byId = new Map(input.outcomes.map(({ subscriptionId, outcome }) => [subscriptionId, outcome]));
  const devices = input.devices.map((device) => {
    const outcome = byId.get(device.subscriptionId);
    return outcome === undefined ? device : applyOutcome(device, outcome);
  });
  const accepted = devices.some((device) => device.state === 'delivered');
  if (!devices.some((device) => device.state === 'pending')) {
    return { devices, verdict: accepted ? { kind: 'sent' } : { kind: 'failed', reason: failureOf(devices) } };
  }

  const next = nextTry({
    tries: input.tries + 1,
    outcome: slowest(input.outcomes),
    nowMs: input.nowMs,
    expiresAtMs: input.expiresAtMs,
    random: input.random,
    ...(input.policy ? { policy: input.policy } : {}),
  });
  if (next.kind === 'retryAt') return { devices, verdict: { kind: 'retryAt', atMs: next.atMs, accepted } };

  const givenUp = devices.map((device) =>
    device.state === 'pending' ? { ...device, state: 'givenUp' as const } : device,
  );
  if (accepted) return { devices: givenUp, verdict: { kind: 'sent' } };
  if (next.reason === 'expired') return { devices: givenUp, verdict: { kind: 'expired' } };
  return { devices: givenUp, verdict: { kind: 'failed', reason: failureOf(givenUp) } };
}

function applyOutcome(device: Device, outcome: DeliveryOutcome): Device {
  const tried = { ...device, tries: device.tries + 1 };
  switch (outcome.kind) {
    case 'delivered':
      return { ...tried, state: 'delivered', reason: undefined };
    case 'gone':
      return { ...tried, state: 'gone', reason: outcome.reason ?? 'gone' };
    case 'rejected':
      return { ...tried, state: 'rejected', reason: outcome.reason };
    case 'throttled':
      return { ...tried, reason: outcome.reason ?? `http${outcome.status}` };
    case 'unreachable':
      return { ...tried, reason: outcome.reason };
  }
}

/** The outcome that asks for the longest wait: the message goes back as a whole. */
function slowest(outcomes: DeviceOutcome[]): RetryableOutcome {
  let chosen: RetryableOutcome = { kind: 'unreachable', reason: 'network' };
  for (const { outcome } of outcomes) {
    if (outcome.kind !== 'throttled') continue;
    const longest = chosen.kind === 'throttled' ? (chosen.retryAfterMs ?? 0) : -1;
    if ((outcome.retryAfterMs ?? 0) > longest) chosen = outcome;
  }
  return chosen;
}

/** The reason a person can do most about: a refusal, then an address that could not be reached, then gone. */
function failureOf(devices: Device[]): string {
  const inState = (state: Device['state']): Device | undefined =>
    devices.find((device) => device.state === state);
  return inState('rejected')?.reason ?? inState('givenUp')?.reason ?? inState('gone')?.reason ?? 'gone';
}
