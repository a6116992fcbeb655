/** A token (RFC 9110 section 5.6.2). */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Printable ASCII and tabs: no line break, so that a value cannot become a header of its own. */
const VALUE = /^[\t\x20-\x7e]*$/;

/** Those that the connection, the body and the signature decide, and not a target. */
const MANAGED = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const MANAGED_PREFIXES = ['proxy-', 'webhook-'];

/** @returns what is wrong with the name of a header of a webhook; null when it may be sent */
export function headerNameFault(name: string): string | null {
  if (!NAME.test(name)) return 'is not the name of a header';
  const lower = name.toLowerCase();
  const isManaged = MANAGED.has(lower) || MANAGED_PREFIXES.some((prefix) => lower.startsWith(prefix));
  return isManaged ? 'is set by Beckon itself' : null;
}

/** @returns what is wrong with the value of a header of a webhook; null when it may be sent */
export function headerValueFault(value: string): string | null {
  if (!VALUE.test(value)) return 'must hold printable ASCII characters only, and no line break';
  return value === value.trim() ? null : 'must not begin or end with white space';
}
