import { isIP } from 'node:net';
import type { Request } from 'express';
import { Problem } from './problem.ts';

/** How often something may be done: so often at once, and after that so often a minute. */
export interface Rate {
  burst: number;
  perMinute: number;
}

/** Callers beyond so many are not told apart for ever: the one unseen longest is forgotten. */
const MOST_KEPT = 10_000;

/**
 * Takes one of what a caller may do, or refuses. Counted in this process alone: with several the limits are higher.
 *
 * @param nowMs a clock that only goes forward
 * @throws Problem `too_many_requests`, with `Retry-After`
 */
export function createThrottle(
  { burst, perMinute }: Rate,
  nowMs: () => number = () => performance.now(),
): (who: string) => void {
  const kept = new Map<string, { left: number; atMs: number }>();
  return (who) => {
    const now = nowMs();
    const before = kept.get(who) ?? { left: burst, atMs: now };
    const left = Math.min(burst, before.left + ((now - before.atMs) * perMinute) / 60_000);
    kept.delete(who);
    kept.set(who, { left: left < 1 ? left : left - 1, atMs: now });
    const [oldest] = kept.keys();
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    if (left >= 1) return;
    const seconds = Math.max(1, Math.ceil(((1 - left) * 60) / perMinute));
    throw new Problem('too_many_requests', undefined, [], { 'Retry-After': String(seconds) });
  };
}

/**
 * Who calls, as far as the network tells. A reverse proxy in front of us is believed: one on this machine or in a
 * private network, by the last entry of `X-Forwarded-For`, which is the one that it added itself.
 *
 * @returns an address, of IPv6 the network of 64 bits; null when all that is known is a proxy that tells nothing
 */
export function remoteNetwork(request: Pick<Request, 'headers' | 'socket'>): string | null {
  const peer = plainAddress(request.socket.remoteAddress ?? '');
  if (peer !== '' && !isPrivate(peer)) return networkOf(peer);
  const said = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',').at(-1)?.trim() ?? '';
  const address = plainAddress(said);
  return address === '' ? null : networkOf(address);
}

/** @returns the address, of an IPv4 address written as IPv6 the IPv4 one; '' for what is none */
function plainAddress(text: string): string {
  const address = text.replace(/^\[|\](:\d+)?$/g, '').replace(/^::ffff:(?=\d+\.)/i, '');
  return isIP(address) === 0 ? '' : address.toLowerCase();
}

function isPrivate(address: string): boolean {
  if (isIP(address) === 6) return address === '::1' || /^(f[cd]|fe[89ab])/.test(address);
  return /^(127|10)\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\.|^169\.254\./.test(address);
}

function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: gap }, () => '0'), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
