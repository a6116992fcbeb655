import type { WebhookAttempt, WebhookTarget } from '../delivery/webhook.ts';
import type { ReferenceUser } from './segments.ts';

/** Where webhook campaigns go. Secrets are encrypted before they are written. */
export interface WebhookRepository {
  create(target: WebhookTarget): Promise<void>;
  byId(id: string): Promise<WebhookTarget | null>;
  /** @returns whether there is one; needs no secret to be read */
  exists(id: string): Promise<boolean>;
  byIds(ids: string[]): Promise<Map<string, WebhookTarget>>;
  list(after: string | null, limit: number): Promise<WebhookTarget[]>;
  /** Changes everything but the signing secrets. @returns null when there is none with this id */
  replace(target: WebhookTarget): Promise<WebhookTarget | null>;
  /**
   * Makes a secret the one that signs first; the one before signs beside it for so long, or until the next rotation.
   * A repeat under the same `rotation` takes the place of what that one made, which nobody was told.
   *
   * @returns null when there is none with this id
   */
  rotateSecret(
    id: string,
    change: { rotation: string; secret: string; previousForMs: number },
  ): Promise<WebhookTarget | null>;
  /** @returns the campaigns that use it when it is in use, and is not deleted; null when there is none with this id */
  delete(id: string): Promise<'deleted' | ReferenceUser[] | null>;
  addAttempt(attempt: WebhookAttempt): Promise<void>;
  /** @returns the attempts of a target, the latest first, after the one with this id; null when there is none with it */
  attempts(
    webhookId: string,
    filter: { campaignId?: string | undefined; batchId?: string | undefined },
    after: string | null,
    limit: number,
  ): Promise<WebhookAttempt[] | null>;
}

/** How many requests to a target are under way at once, over all workers. */
export interface WebhookSlotRepository {
  /** @returns whether a slot was free; it is again after `leaseMs` by the database's clock, or when it is given back */
  take(webhookId: string, concurrency: number, holder: string, leaseMs: number): Promise<boolean>;
  giveBack(webhookId: string, holder: string): Promise<void>;
}
