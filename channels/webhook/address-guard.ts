import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Why a request may not go somewhere. */
export interface Refusal {
  /** `request`: it could not be sent to anyone; `address`: not to this one. */
  kind: 'request' | 'address';
  detail: string;
}

/** Says where requests may go: to public addresses, and those that are allowed beside them. */
export interface AddressGuard {
  /** @returns why not, as far as an address tells without resolving its name; null when nothing speaks against it */
  urlRefusal(url: string): Refusal | null;
  /** @param address of IPv4 or IPv6, as text. @returns why not; null when requests may go there */
  addressRefusal(address: string): string | null;
}

/** Names that are never public (RFC 6761, RFC 6762, and what clouds use inside). */
const LOCAL_NAMES = ['localhost', 'localdomain', 'local', 'internal', 'home.arpa'];
const SCHEMES = ['https:', 'http:'];
/** Public by its number, but the metadata and control server of a cloud's own machines. */
const METADATA = ['168.63.129.16'];
/** The part of IPv6 that is given out for use on the internet. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/** @param allow CIDR blocks that may be reached although they are not public */
export function createAddressGuard(allow: readonly string[]): AddressGuard {
  const allowed = allow.map((block) => ipaddr.parseCIDR(block));
  const isAllowed = (address: Address): boolean =>
    allowed.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));

  function addressRefusal(text: string): string | null {
    if (!ipaddr.isValid(text)) return 'is not an address';
    // An IPv4 address written as one of IPv6 leads to the IPv4 address.
    const address = ipaddr.process(text);
    if (isAllowed(address)) return null;
    const range = rangeOf(address);
    return range === null ? null : `${text} is ${range}; BECKON_WEBHOOK_ALLOW adds addresses`;
  }

  return {
    addressRefusal,

    urlRefusal(text) {
      if (!URL.canParse(text)) return { kind: 'request', detail: 'is not a URL' };
      const url = new URL(text);
      if (!SCHEMES.includes(url.protocol)) return { kind: 'request', detail: 'must be http or https' };
      if (url.username !== '' || url.password !== '') {
        return { kind: 'request', detail: 'must not hold a user name or password' };
      }
      const address = literalOf(url.hostname);
      if (address !== null) {
        const detail = addressRefusal(address);
        return detail === null ? null : { kind: 'address', detail };
      }
      if (url.hostname.endsWith('.'))
        return { kind: 'address', detail: 'must not have a dot after its host' };
      const local = LOCAL_NAMES.find((name) => url.hostname === name || url.hostname.endsWith(`.${name}`));
      // Where something private is allowed, what the name resolves to decides.
      if (local === undefined || allowed.length > 0) return null;
      return { kind: 'address', detail: `${url.hostname} is a local name; webhooks reach public ones` };
    },
  };
}

/** @returns the address that the host of a URL is, without brackets; null when it is a name */
export function literalOf(hostname: string): string | null {
  const text = hostname.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(text) ? text : null;
}

const SPOKEN: Record<string, string> = {
  unspecified: 'no address of anyone',
  broadcast: 'a broadcast address',
  multicast: 'a multicast address',
  linkLocal: 'link-local, where clouds keep their metadata',
  loopback: 'this machine itself',
  carrierGradeNat: 'shared address space of a provider',
  private: 'private',
  uniqueLocal: 'private',
  deprecatedSiteLocal: 'private',
};

/** @returns what an address is when it is not public; null when it is */
function rangeOf(address: Address): string | null {
  if (METADATA.includes(address.toString())) return 'the metadata server of a cloud';
  const range = address.range();
  if (range !== 'unicast') return SPOKEN[range] ?? `reserved (${range})`;
  if (address.kind() === 'ipv4') return null;
  const v6 = address as ipaddr.IPv6;
  if (!v6.match(...GLOBAL_UNICAST)) return 'not a public address';
  if (v6.zoneId !== undefined) return 'an address of one network interface';
  // ISATAP (RFC 5214 section 6.1): a router may hand it over to the IPv4 address at its end.
  const [, , , , flags = 0, marker] = v6.parts;
  if ((flags & 0xfdff) === 0 && marker === 0x5efe) return 'a tunnel to an IPv4 address';
  return null;
}
