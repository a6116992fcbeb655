import type { Profile } from '../profile.ts';
import type { Site, Subscription, Transport, VapidKeys } from '../site.ts';

export interface ProfilePatch {
  identity: string;
  email?: string | null | undefined;
  name?: string | null | undefined;
  timezone?: string | null | undefined;
  language?: string | null | undefined;
  country?: string | null | undefined;
  testProfile?: boolean | undefined;
  /** Merged into what is there; null removes. */
  properties?: Record<string, unknown> | undefined;
}

export interface ProfileRepository {
  /** Creates or changes, in order. @returns the ids, in the order given */
  upsertMany(patches: ProfilePatch[]): Promise<string[]>;
  /** @returns identity → id; identities not known yet get a fresh profile */
  resolveIdentities(identities: string[]): Promise<Map<string, string>>;
  /** @returns those of the ids that exist */
  existing(ids: string[]): Promise<Set<string>>;
  byIdentity(identity: string): Promise<Profile | null>;
  byIds(ids: string[]): Promise<Map<string, Profile>>;
  /** @returns up to `limit` test profiles with an id greater than `after`, by id */
  listTestProfiles(after: string | null, limit: number): Promise<Profile[]>;
  /** Erases the profile and everything that names it. @returns whether there was one */
  erase(id: string): Promise<boolean>;
  /** Notes that the browser SDK has seen the profile now. */
  seen(id: string): Promise<void>;
  /** Erases what was being written while its profile was erased. */
  eraseLeftovers(): Promise<void>;
}

/** What may be changed of a site; null removes. */
export interface SitePatch {
  name?: string | undefined;
  origins?: string[] | undefined;
  timezone?: string | null | undefined;
  fcmLegacy?: Site['fcmLegacy'] | null;
  safari?: Site['safari'] | null;
  defaultIcon?: string | null | undefined;
}

export interface SiteRepository {
  /** @throws WebsitePushIdTakenError */
  create(site: Site): Promise<void>;
  /** @returns the site, null when there is none or no id was given */
  byId(id: string | undefined): Promise<Site | null>;
  /** @returns the site with this Safari website push id */
  byWebsitePushId(websitePushId: string): Promise<Site | null>;
  list(after: string | null, limit: number): Promise<Site[]>;
  /**
   * @returns null when there is none
   * @throws WebsitePushIdTakenError
   */
  change(id: string, patch: SitePatch): Promise<Site | null>;
  /**
   * Makes another key pair the current one; the one before is kept for the subscriptions made under it. Repeating it
   * with the pair that is current changes nothing; one that was current before becomes so again.
   * @param rotation names the change, which is noted with the pair: the same one is carried out once, whatever the keys
   */
  rotateVapid(id: string, keys: VapidKeys, rotation: string): Promise<Site | null>;
  /** Forgets an earlier key pair; the current one stays. @returns null when there is no such site */
  removeVapid(id: string, publicKey: string): Promise<Site | null>;
}

export interface SubscriptionRepository {
  /**
   * Creates, or brings back and changes the one with the same site and endpoint; what is absent stays as it is.
   * A profile has at most {@link MAX_DEVICES} active ones on a site: beyond, those synced longest ago expire.
   * @param owner whether one that is there goes over to the profile, or keeps the one it has
   * @param vapidPublicKey what a new one of `vapid` was made under, where it does not say so itself
   * @throws OtherVisitorError when it is active and noted with another `visitor` than the one given
   */
  upsert(
    subscription: Omit<
      Subscription,
      'id' | 'createdAt' | 'syncedAt' | 'status' | 'topics' | 'customAttributes'
    > & {
      topics?: string[] | undefined;
      customAttributes?: Record<string, unknown> | undefined;
      /** Stands for the visitor who registers it, and is kept with it. */
      visitor?: string | undefined;
    },
    owner: 'replace' | 'keep',
    vapidPublicKey?: string,
  ): Promise<{
    subscription: Subscription;
    created: boolean;
  }>;
  byId(id: string): Promise<Subscription | null>;
  byEndpoint(siteId: string, endpoint: string): Promise<Subscription | null>;
  list(
    filter: { siteId?: string; profileId?: string },
    after: string | null,
    limit: number,
  ): Promise<Subscription[]>;
  /** @returns the active ones of each profile on the site, or on any when none is given, oldest first */
  activeOf(siteId: string | undefined, profileIds: string[]): Promise<Map<string, Subscription[]>>;
  /** @returns the time zone of each profile's latest active subscription that has one, on any site */
  latestZones(profileIds: string[]): Promise<Map<string, string>>;
  /** Once: marks active ones as expired. @returns how many changed */
  expire(ids: string[]): Promise<number>;
  setStatus(id: string, status: Subscription['status']): Promise<Subscription | null>;
  /** @returns whether there is one with this endpoint, in whatever status, that this visitor registered */
  isOfVisitor(siteId: string, endpoint: string, visitor: string): Promise<boolean>;
  /**
   * Opts out the subscription with this endpoint, if there is one.
   * @throws OtherVisitorError when it is noted with a visitor, and that is not the one given
   */
  optOut(siteId: string, endpoint: string, visitor?: string): Promise<void>;
  /** Expires one whose browser subscribed anew, and notes what took its place. Repeating it changes nothing. */
  replace(id: string, replacedBy: Pick<Subscription, 'id' | 'transport'>): Promise<void>;
  /**
   * @returns how many active subscriptions of a site there are of each transport, and under each VAPID key, and how
   *   many of `fcmLegacy` had their place taken by one of `vapid`
   */
  countByTransport(siteId: string): Promise<{
    transports: Record<Transport, number>;
    /** By public key; '' for those made under the site's first one. */
    vapidKeys: Record<string, number>;
    movedToVapid: number;
  }>;
}
