import { lookup as lookUp } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { literalOf, type AddressGuard } from './address-guard.ts';
import { trustedWith } from '../http/trusted-certificates.ts';

/** Finds every address of a name, as the system does. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

/** Thrown by a connection that would lead to an address that may not be reached. */
export class AddressRefused extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'AddressRefused';
  }
}

const systemResolve: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    lookUp(hostname, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses);
    });
  });

/**
 * Connects to addresses that were looked at, and to no others: a name is resolved once for each connection, every
 * address that it resolves to must be allowed, and the connection goes to those very addresses.
 */
export function createGuardedConnector(options: {
  guard: AddressGuard;
  resolve?: Resolve | undefined;
  ca?: string | string[] | undefined;
  timeoutMs: number;
}): buildConnector.connector {
  const { guard, resolve = systemResolve } = options;

  const lookup: LookupFunction = (hostname, { all, family }, done) => {
    resolve(hostname)
      .then((found) => {
        const refusal = found.map(({ address }) => guard.addressRefusal(address)).find((one) => one !== null);
        if (refusal) throw new AddressRefused(`${hostname} leads to an address that is refused: ${refusal}`);
        const wanted = found.filter((one) => !family || one.family === family);
        const [first] = wanted;
        if (!first) throw Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' });
        if (all) done(null, wanted);
        else done(null, first.address, first.family);
      })
      .catch((error: unknown) => {
        done(error as NodeJS.ErrnoException, []);
      });
  };
  const connect = buildConnector({
    ...(options.ca === undefined ? {} : { ca: trustedWith(options.ca) }),
    allowH2: false,
    timeout: options.timeoutMs,
    lookup,
  });

  return (target, done) => {
    // An address is connected to without a look-up.
    const address = literalOf(target.hostname);
    const refusal = address === null ? null : guard.addressRefusal(address);
    if (refusal === null) connect(target, done);
    else done(new AddressRefused(refusal), null);
  };
}
