/** A website whose visitors subscribe. */
export interface Site {
  id: string;
  name: string;
  /** Web origins that may use the browser SDK, such as `https://shop.example`. */
  origins: string[];
  timezone?: string | undefined;
  /** P-256 key pair as unpadded base64url (RFC 8292). */
  vapid: { publicKey: string; privateKey: string };
  /** Signs the receipts that browsers report. */
  receiptKey: string;
  createdAt: Date;
}

export type SubscriptionStatus = 'active' | 'optedOut' | 'expired';

/** One push address of one profile on one site. */
export interface Subscription {
  id: string;
  siteId: string;
  profileId: string;
  transport: 'vapid';
  endpoint: string;
  keys: { p256dh: string; auth: string };
  status: SubscriptionStatus;
  browserType?: string | undefined;
  platformName?: string | undefined;
  language?: string | undefined;
  country?: string | undefined;
  timezone?: string | undefined;
  topics: string[];
  customAttributes: Record<string, unknown>;
  createdAt: Date;
  syncedAt: Date;
}
