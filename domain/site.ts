/** A P-256 key pair as unpadded base64url (RFC 8292). */
export interface VapidKeys {
  publicKey: string;
  privateKey: string;
}

/** How pushes reach a browser: standard web push, Google's legacy FCM, or Safari's website push through APNs. */
export const TRANSPORTS = ['vapid', 'fcmLegacy', 'apns'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** What Safari website push needs (Apple: Configuring Safari Push Notifications). */
export interface SafariSettings {
  /** Such as `web.example.shop`; the topic of its pushes. */
  websitePushId: string;
  /** Shown in the question and in the settings of Safari. */
  websiteName: string;
  /** Web origins whose pages may ask; the first is where links lead. */
  allowedDomains: string[];
  /** How pushes are authorised: a provider token (an APNs key), or the website's certificate. */
  auth:
    | { kind: 'token'; keyId: string; teamId: string; /** PEM (.p8). */ privateKey: string }
    | { kind: 'certificate' };
  /** PEM: what signs the push package, and with `certificate` also authorises pushes. */
  certificate: string;
  certificateKey: string;
  /** PNG, square, at least 256 pixels, base64; absent: the default icon. */
  icon?: string | undefined;
}

/** A website whose visitors subscribe. */
export interface Site {
  id: string;
  name: string;
  /** Web origins that may use the browser SDK, such as `https://shop.example`. */
  origins: string[];
  timezone?: string | undefined;
  /** The current key pair: new subscriptions are made under it. */
  vapid: VapidKeys;
  /** Earlier key pairs, the latest first: pushes to subscriptions made under one go on being signed by it. */
  earlierVapid?: (VapidKeys & { retiredAt: Date })[] | undefined;
  /** The public key it began with; absent: it never had another one. */
  firstVapidPublicKey?: string | undefined;
  /** Google's legacy FCM, for subscribers who have not moved over to VAPID. */
  fcmLegacy?: { senderId: string; serverKey: string } | undefined;
  safari?: SafariSettings | undefined;
  /** The icon of pushes whose campaign names none: an https URL. */
  defaultIcon?: string | undefined;
  /** Signs the receipts that browsers report. */
  receiptKey: string;
  createdAt: Date;
}

export type SubscriptionStatus = 'active' | 'optedOut' | 'expired';

/** Most active subscriptions of one profile on one site, over all transports. */
export const MAX_DEVICES = 50;

/** One push address of one profile on one site. */
export interface Subscription {
  id: string;
  siteId: string;
  profileId: string;
  transport: Transport;
  /** The address: a URL for `vapid`, the registration token for `fcmLegacy`, the device token (hex) for `apns`. */
  endpoint: string;
  /** `vapid` only. */
  keys?: { p256dh: string; auth: string } | undefined;
  /** `vapid` only: the public key it was made under; absent: the site's first. */
  vapidPublicKey?: string | undefined;
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

/**
 * @returns the key pair that signs pushes to a subscription: the one it was made under (a browser gives an endpoint
 *   for one key, and a push service refuses pushes signed by another); null when the site does not have it
 */
export function vapidKeysFor(
  site: Pick<Site, 'vapid' | 'earlierVapid' | 'firstVapidPublicKey'>,
  subscription: Pick<Subscription, 'vapidPublicKey'>,
): VapidKeys | null {
  const wanted = subscription.vapidPublicKey ?? site.firstVapidPublicKey ?? site.vapid.publicKey;
  const pair = [site.vapid, ...(site.earlierVapid ?? [])].find(({ publicKey }) => publicKey === wanted);
  return pair ? { publicKey: pair.publicKey, privateKey: pair.privateKey } : null;
}

/** @returns whether a site can send by a transport */
export function isConfigured(site: Pick<Site, 'fcmLegacy' | 'safari'>, transport: Transport): boolean {
  if (transport === 'fcmLegacy') return site.fcmLegacy !== undefined;
  if (transport === 'apns') return site.safari !== undefined;
  return true;
}
