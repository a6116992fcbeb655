/** What a rendered link may lead to, and what a rendered image may come from. */
export const PAGE_SCHEMES = ['https:', 'http:'];
export const FILE_SCHEMES = ['https:'];

/** @returns what is wrong with a rendered address; null when it may be used */
export function addressFault(address: string, schemes: string[]): string | null {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(address)) return 'holds control characters';
  const form = new RegExp(`^(?:${schemes.join('|')})//[^/\\\\]`, 'i');
  if (!form.test(address) || !URL.canParse(address)) {
    const shown = JSON.stringify(address.slice(0, 80));
    return `came out as ${shown}, which is no ${schemes.join('// or ')}// address`;
  }
  const url = new URL(address);
  if (url.username !== '' || url.password !== '') return 'came out with credentials in it';
  return null;
}

/** @returns the address with the parameters that it does not have yet, before its fragment */
export function withParameters(address: string, parameters: [name: string, value: string][]): string {
  const at = address.indexOf('#');
  const page = at === -1 ? address : address.slice(0, at);
  const fragment = at === -1 ? '' : address.slice(at);
  const known = new URL(address).searchParams;
  const added = parameters
    .filter(([name]) => !known.has(name))
    .map(([name, value]) => `${name}=${percentEncoded(value)}`);
  if (added.length === 0) return address;
  const query = page.includes('?') ? page.slice(page.indexOf('?') + 1) : null;
  const joint = query === null ? '?' : query === '' || query.endsWith('&') ? '' : '&';
  return `${page}${joint}${added.join('&')}${fragment}`;
}

/** @returns a text with everything encoded that means something in an address; half of a surrogate pair is U+FFFD */
export function percentEncoded(text: string): string {
  const whole = text.replace(
    /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    '\ufffd',
  );
  return encodeURIComponent(whole);
}
