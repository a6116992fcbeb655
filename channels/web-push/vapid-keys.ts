import { createECDH } from 'node:crypto';
import webPush from 'web-push';

/** A P-256 key pair as unpadded base64url: the public key is 65 bytes, the private one 32. */
export interface VapidKeyPair {
  publicKey: string;
  privateKey: string;
}

/** A new key pair for a site (RFC 8292 section 3.2). */
export function generateVapidKeys(): VapidKeyPair {
  return webPush.generateVAPIDKeys();
}

/** What is wrong with a key pair, in a sentence; null when the private key belongs to the public one. */
export function validateVapidKeys({ publicKey, privateKey }: VapidKeyPair): string | null {
  const publicBytes = decode(publicKey);
  if (publicBytes?.length !== 65 || publicBytes[0] !== 4) {
    return 'publicKey must be an uncompressed P-256 point: 65 bytes as unpadded base64url';
  }
  const privateBytes = decode(privateKey);
  if (privateBytes?.length !== 32) return 'privateKey must be 32 bytes as unpadded base64url';
  const curve = createECDH('prime256v1');
  try {
    curve.setPrivateKey(privateBytes);
  } catch {
    return 'privateKey is not a P-256 private key';
  }
  return curve.getPublicKey().equals(publicBytes) ? null : 'privateKey does not belong to publicKey';
}

function decode(text: string): Buffer | null {
  return /^[A-Za-z0-9_-]+$/.test(text) ? Buffer.from(text, 'base64url') : null;
}
