import { readFile } from 'node:fs/promises';
import type { Config } from '../config.ts';

/** @returns how clients and workers reach the configured Temporal server */
export async function connectionOptions(
  config: Pick<Config, 'temporalApiKey' | 'temporalTls'> & { temporalAddress: string },
): Promise<{ address: string; apiKey?: string; tls?: boolean | TlsOptions }> {
  const { temporalAddress: address, temporalApiKey: apiKey, temporalTls } = config;
  const base = { address, ...(apiKey === undefined ? {} : { apiKey }) };
  if (temporalTls === false) return base;
  if (temporalTls === true) return { ...base, tls: true };
  const tls: TlsOptions = {};
  if (temporalTls.ca !== undefined) tls.serverRootCACertificate = await readFile(temporalTls.ca);
  if (temporalTls.cert !== undefined && temporalTls.key !== undefined) {
    const [crt, key] = await Promise.all([readFile(temporalTls.cert), readFile(temporalTls.key)]);
    tls.clientCertPair = { crt, key };
  }
  return { ...base, tls };
}

interface TlsOptions {
  serverRootCACertificate?: Buffer;
  clientCertPair?: { crt: Buffer; key: Buffer };
}
