import type { SafariSettings, Site, VapidKeys } from '../domain/site.ts';
import type { Vault } from './vault.ts';

/** How everything that was sealed begins; no key of ours holds a full stop, and no PEM begins so. */
const SEALED = 'v1.';

/**
 * Seals the secrets of sites. VAPID private keys that were written before there was a key for it, or where there is
 * none, stand in the clear, and are read so; server keys and Apple's keys are never written without sealing.
 */
export function createSiteSecrets(vault: Vault) {
  const open = (text: string, place: string): string =>
    text.startsWith(SEALED) ? vault.open(text, place) : text;
  const vapidPlace = (siteId: string, keys: VapidKeys): string => `site/${siteId}/vapid/${keys.publicKey}`;

  function sealVapid<K extends VapidKeys>(siteId: string, keys: K): K {
    if (!vault.unlocked || keys.privateKey.startsWith(SEALED)) return keys;
    return { ...keys, privateKey: vault.seal(keys.privateKey, vapidPlace(siteId, keys)) };
  }
  function openVapid<K extends VapidKeys>(siteId: string, keys: K): K {
    return { ...keys, privateKey: open(keys.privateKey, vapidPlace(siteId, keys)) };
  }

  /** @param change what happens to each secret, by the name of its place */
  function mapSafari(
    siteId: string,
    safari: SafariSettings,
    change: (text: string, place: string) => string,
  ): SafariSettings {
    const { auth, certificateKey } = safari;
    return {
      ...safari,
      auth:
        auth.kind === 'token'
          ? { ...auth, privateKey: change(auth.privateKey, `site/${siteId}/apns-key`) }
          : auth,
      certificateKey: change(certificateKey, `site/${siteId}/safari-key`),
    };
  }
  const mapFcm = (
    siteId: string,
    fcm: NonNullable<Site['fcmLegacy']>,
    change: (text: string, place: string) => string,
  ): NonNullable<Site['fcmLegacy']> => ({
    ...fcm,
    serverKey: change(fcm.serverKey, `site/${siteId}/fcm-server-key`),
  });

  return {
    sealVapid,
    openVapid,
    sealFcm: (siteId: string, fcm: NonNullable<Site['fcmLegacy']>) =>
      mapFcm(siteId, fcm, (text, place) => vault.seal(text, place)),
    sealSafari: (siteId: string, safari: SafariSettings) =>
      mapSafari(siteId, safari, (text, place) => vault.seal(text, place)),
    /** @throws VaultLockedError when a secret of the site is not opened by the key there is */
    openSite: (site: Site): Site => ({
      ...site,
      vapid: openVapid(site.id, site.vapid),
      ...(site.earlierVapid
        ? { earlierVapid: site.earlierVapid.map((keys) => openVapid(site.id, keys)) }
        : {}),
      ...(site.fcmLegacy ? { fcmLegacy: mapFcm(site.id, site.fcmLegacy, open) } : {}),
      ...(site.safari ? { safari: mapSafari(site.id, site.safari, open) } : {}),
    }),
  };
}
