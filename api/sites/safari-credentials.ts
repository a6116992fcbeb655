import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import sharp from 'sharp';
import type { SafariSettings } from '../../domain/site.ts';
import type { ProblemFault } from '../http/problem.ts';

/** Apple's largest icon is 128 points on a screen of double density. */
export const ICON_PIXELS = 256;
const MOST_ICON_PIXELS = 4_096;

/** @returns every fault of the credentials and the icon that Safari website push needs */
export async function safariFaults(safari: SafariSettings, nowMs: number): Promise<ProblemFault[]> {
  const at = (name: string, detail: string | null): ProblemFault[] =>
    detail === null ? [] : [{ pointer: `/safari/${name}`, detail }];
  const certificate = certificatesOf(safari.certificate)?.[0];
  const key = privateKeyOf(safari.certificateKey);
  return [
    ...at('certificate', certificateFault(certificate, nowMs)),
    ...at('certificateKey', certificateKeyFault(certificate, key)),
    ...(safari.auth.kind === 'token' ? at('auth/privateKey', apnsKeyFault(safari.auth.privateKey)) : []),
    ...at('icon', safari.icon === undefined ? null : await iconFault(safari.icon)),
  ];
}

/** @returns what may be told of a certificate; the website's own stands first */
export function describeCertificate(pem: string): { subject: string; validTo: string } | null {
  const certificate = certificatesOf(pem)?.[0];
  if (!certificate) return null;
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    validTo: new Date(certificate.validTo).toISOString(),
  };
}

/** @returns the certificates of a PEM text in their order, or null when one of them is none */
export function certificatesOf(pem: string): X509Certificate[] | null {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return null;
  }
}

function certificateFault(certificate: X509Certificate | undefined, nowMs: number): string | null {
  if (!certificate) return 'is not a certificate as PEM';
  if (Date.parse(certificate.validTo) <= nowMs) {
    return `expired on ${new Date(certificate.validTo).toISOString()}`;
  }
  if (certificate.publicKey.asymmetricKeyType !== 'rsa') return 'must be a certificate of an RSA key';
  return null;
}

function certificateKeyFault(certificate: X509Certificate | undefined, key: KeyObject | null): string | null {
  if (!key) return 'is not an unencrypted private key as PEM';
  return !certificate || certificate.checkPrivateKey(key) ? null : 'does not belong to the certificate';
}

function apnsKeyFault(pem: string): string | null {
  const key = privateKeyOf(pem);
  if (!key) return 'is not a private key as PEM';
  const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  return isP256 ? null : 'must be a P-256 key, as Apple gives it out (.p8)';
}

async function iconFault(base64: string): Promise<string | null> {
  try {
    const image = sharp(Buffer.from(base64, 'base64'), { limitInputPixels: MOST_ICON_PIXELS ** 2 });
    const { format, width, height } = await image.metadata();
    if (format !== 'png') return 'must be a PNG';
    if (width !== height) return `must be square, and is ${width} × ${height}`;
    if (width < ICON_PIXELS) return `must be at least ${ICON_PIXELS} pixels wide, and is ${width}`;
    if (width > MOST_ICON_PIXELS) return `must be at most ${MOST_ICON_PIXELS} pixels wide`;
    // The head alone may be good.
    await image.stats();
    return null;
  } catch {
    return 'is not a PNG that can be read';
  }
}

function privateKeyOf(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}
