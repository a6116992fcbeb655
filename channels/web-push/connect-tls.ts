import { isIP } from 'node:net';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { trustedWith } from '../http/trusted-certificates.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_AFTER_MS = 60_000;

/** A connection that is being made. */
export interface Connecting {
  socket: Promise<TLSSocket>;
  /** Gives it up. */
  abort(): void;
}

/** Connects to an origin and agrees on one of the protocols, by ALPN. The promise rejects with what the system or TLS says. */
export type ConnectTls = (origin: URL, protocols: string[]) => Connecting;

/** @param ca PEM certificates trusted beside the usual ones */
export function createConnectTls(ca?: string | string[]): ConnectTls {
  // Made once: reading all the roots takes longer than a handshake.
  const secureContext = ca === undefined ? undefined : createSecureContext({ ca: trustedWith(ca) });

  return (origin, protocols) => {
    const host = origin.hostname.replace(/^\[|\]$/g, '');
    const socket = connect({
      host,
      port: origin.port === '' ? 443 : Number(origin.port),
      ALPNProtocols: protocols,
      // A name is what a certificate is asked for; TLS knows none for an address.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(secureContext ? { secureContext } : {}),
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
    }, CONNECT_TIMEOUT_MS);
    const connected = new Promise<TLSSocket>((resolve, reject) => {
      socket.once('secureConnect', () => resolve(socket));
      socket.once('error', reject);
      socket.once('close', () => {
        reject(Object.assign(new Error('closed before it was connected'), { code: 'ECONNRESET' }));
      });
    }).finally(() => clearTimeout(timer));
    return { socket: connected, abort: () => void socket.destroy() };
  };
}
