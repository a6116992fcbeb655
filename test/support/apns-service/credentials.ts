import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { generate } from 'selfsigned';
import type { SafariSettings } from '../../../domain/site.ts';

export interface Certificate {
  cert: string;
  key: string;
}

/** A certificate as a website has one: of an RSA key, signed by itself. */
export async function websiteCertificate(options: { expired?: boolean } = {}): Promise<Certificate> {
  const day = 86_400_000;
  const now = Date.now();
  const pems = await generate([{ name: 'commonName', value: 'Website Push ID: web.example.shop' }], {
    keyType: 'rsa',
    keySize: 2_048,
    algorithm: 'sha256',
    notBeforeDate: new Date(now - 3 * day),
    notAfterDate: new Date(options.expired ? now - day : now + day),
  });
  return { cert: pems.cert, key: pems.private };
}

/** A key as Apple gives it out (.p8), and what verifies its tokens. */
export function apnsKey(): { pem: string; publicKey: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return { pem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, publicKey };
}

export const KEY_ID = 'ABCDE12345';
export const TEAM_ID = 'TEAM123456';

/** @returns settings of a shop; with `pem` pushes are authorised by a token, else by the certificate */
export function safariSettings(certificate: Certificate, pem?: string): SafariSettings {
  return {
    websitePushId: 'web.example.shop',
    websiteName: 'Shop',
    allowedDomains: ['https://shop.example'],
    auth:
      pem === undefined
        ? { kind: 'certificate' }
        : { kind: 'token', keyId: KEY_ID, teamId: TEAM_ID, privateKey: pem },
    certificate: certificate.cert,
    certificateKey: certificate.key,
  };
}
