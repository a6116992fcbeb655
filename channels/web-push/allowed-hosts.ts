import { isIP } from 'node:net';

/**
 * The push services of the browsers, each on port 443:
 * Chrome and what is built on it (fcm), Chromium builds without Google's keys (jmt17),
 * Firefox, Edge on Windows, Safari.
 */
export const KNOWN_PUSH_HOSTS: readonly string[] = [
  'fcm.googleapis.com',
  'jmt17.google.com',
  '*.push.services.mozilla.com',
  '*.notify.windows.com',
  '*.push.apple.com',
];

/** Why an endpoint is refused. */
export type HostRefusal = 'notAUrl' | 'notHttps' | 'userinfo' | 'hostNotListed';

export interface HostAllowList {
  isAllowed(url: string): boolean;
  /** Null when the endpoint is allowed. */
  reason(url: string): HostRefusal | null;
}

/** Thrown when an extra entry is not `host`, `*.host` or either with `:port`. */
export class InvalidPushHostError extends Error {
  readonly entry: string;
  constructor(entry: string) {
    super(`not a push host: ${JSON.stringify(entry)}; write host, *.host, host:port or *.host:port`);
    this.name = 'InvalidPushHostError';
    this.entry = entry;
  }
}

interface Entry {
  host: string;
  subdomains: boolean;
  port: string;
}

/**
 * Which push endpoints may be called: https, without user name or password, on a host that is listed.
 * Pure: no name is resolved and nothing is connected to.
 *
 * `extra` adds entries to the known services: `host` (port 443), `*.host` (every name below it, not
 * the host itself), or either with `:port`. An IP address (IPv6 in brackets) is allowed only where
 * it is listed itself. Throws `InvalidPushHostError` for an entry that is none of these.
 */
export function createHostAllowList(extra: readonly string[] = []): HostAllowList {
  const entries = [...KNOWN_PUSH_HOSTS, ...extra].map(parseEntry);

  function reason(url: string): HostRefusal | null {
    const parsed = parseUrl(url);
    if (!parsed) return 'notAUrl';
    if (parsed.protocol !== 'https:') return 'notHttps';
    if (parsed.username !== '' || parsed.password !== '') return 'userinfo';
    const port = parsed.port === '' ? '443' : parsed.port;
    const listed = entries.some((entry) => entry.port === port && coversHost(entry, parsed.hostname));
    return listed ? null : 'hostNotListed';
  }

  return { reason, isAllowed: (url) => reason(url) === null };
}

function coversHost(entry: Entry, hostname: string): boolean {
  if (!entry.subdomains) return hostname === entry.host;
  return hostname.endsWith(`.${entry.host}`) && hostname.length > entry.host.length + 1;
}

function parseEntry(entry: string): Entry {
  const subdomains = entry.startsWith('*.');
  const authority = subdomains ? entry.slice(2) : entry;
  // The pattern keeps out what the URL parser would forgive: paths, user names, spaces.
  const match = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.exec(authority);
  const url = match ? parseUrl(`https://${authority}`) : null;
  if (!url) throw new InvalidPushHostError(entry);
  // The parser also reads `1` as 0.0.0.1: an address must be written as one.
  if (!url.hostname.startsWith('[') && url.hostname !== match?.[1]?.toLowerCase()) {
    throw new InvalidPushHostError(entry);
  }
  if (subdomains && isIpLiteral(url.hostname)) throw new InvalidPushHostError(entry);
  return { host: url.hostname, subdomains, port: url.port === '' ? '443' : url.port };
}

function isIpLiteral(hostname: string): boolean {
  return isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

function parseUrl(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}
