import type { WebhookTarget } from '../domain/delivery/webhook.ts';
import type { Vault } from './vault.ts';

/** A header as it is stored: the value of a secret one is sealed. */
export interface StoredHeader {
  name: string;
  value?: string;
  sealed?: string;
}

/** What of a webhook target is stored otherwise than it is used. */
export interface SealedParts {
  headers: StoredHeader[];
  /** Sealed, the newest first. */
  signing: string[];
}

/** Seals what of webhook targets is secret, and opens it again. */
export function createWebhookSecrets(vault: Vault) {
  const signingPlace = (id: string): string => `webhook/${id}/signing`;
  const headerPlace = (id: string, name: string): string => `webhook/${id}/header/${name.toLowerCase()}`;

  return {
    sealHeaders: ({ id, headers }: Pick<WebhookTarget, 'id' | 'headers'>): StoredHeader[] =>
      headers.map(({ name, value, secret }) =>
        secret ? { name, sealed: vault.seal(value, headerPlace(id, name)) } : { name, value },
      ),
    sealSigning: (id: string, secret: string): string => vault.seal(secret, signingPlace(id)),
    open: (
      id: string,
      { headers, signing }: SealedParts,
    ): Pick<WebhookTarget, 'headers' | 'signingSecrets'> => ({
      headers: headers.map(({ name, value = '', sealed }) =>
        sealed === undefined
          ? { name, value, secret: false }
          : { name, value: vault.open(sealed, headerPlace(id, name)), secret: true },
      ),
      signingSecrets: signing.map((one) => vault.open(one, signingPlace(id))),
    }),
  };
}
