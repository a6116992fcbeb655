import { createECDH, randomBytes, randomUUID } from 'node:crypto';
import type { BrowserKeys } from './decrypt.ts';

/** What a browser's `PushSubscription.toJSON()` gives, with the path of its endpoint below the service. */
export interface Browser {
  subscriptionId: string;
  keys: BrowserKeys;
  /** The key its pushes must be signed with (`applicationServerKey`), base64url. */
  vapidPublicKey?: string;
  gone: boolean;
}

/** A new subscription with a key pair of its own. */
export function createBrowser(vapidPublicKey?: string): Browser {
  const curve = createECDH('prime256v1');
  const publicKey = curve.generateKeys();
  return {
    subscriptionId: randomUUID(),
    keys: { privateKey: curve.getPrivateKey(), publicKey, auth: randomBytes(16) },
    ...(vapidPublicKey === undefined ? {} : { vapidPublicKey }),
    gone: false,
  };
}
