import { anonymousIdOf } from './anonymous-id.ts';
import { describeBrowser } from './browser-info.ts';
import { bytesOf, sameBytes } from './base64url.ts';
import { forgetReplaces, keepReplaces, pendingReplaces } from './pending-replaces.ts';
import { reportSafariClick } from './safari-click.ts';
import { askSafari, needsSafariPush, safariToken } from './safari-push.ts';

export interface BeckonOptions {
  siteId: string;
  /** Where Beckon is reached, without a slash at the end. */
  serverUrl: string;
  /** Where the site serves the worker; default `/service-worker.js`. */
  serviceWorkerPath?: string;
  /** The site's VAPID public key, base64url. */
  vapidPublicKey: string;
  /** The site's Safari website push id, for Safari before 16; absent: those cannot subscribe. */
  safariWebsitePushId?: string;
}

export interface SubscribeOptions {
  topics?: string[] | undefined;
  customAttributes?: Record<string, unknown> | undefined;
}

/** `denied` and `default` are the user's answer to the browser's question. */
export type SubscribeResult =
  { status: 'subscribed'; endpoint: string } | { status: 'denied' | 'default' | 'unsupported' };

export interface Beckon {
  /** @throws Error that names every option which is missing, unknown, or no text */
  init(options: BeckonOptions): void;
  /**
   * Asks for permission, subscribes this browser and tells the server. Call it from a click.
   * Rejects when `init` was not called, or the browser or the server refuses.
   */
  subscribe(options?: SubscribeOptions): Promise<SubscribeResult>;
  /** Ends the subscription of this browser; false when there was none. */
  unsubscribe(): Promise<boolean>;
}

const REQUIRED = ['siteId', 'serverUrl', 'vapidPublicKey'];
const KNOWN = [...REQUIRED, 'serviceWorkerPath', 'safariWebsitePushId'];

/** Pages call it without a type check. @returns what is wrong with the options, a part of a sentence each */
function optionFaults(given: Record<string, unknown>): string[] {
  const present = Object.keys(given).filter((name) => given[name] !== undefined);
  return [
    ...REQUIRED.filter((name) => !present.includes(name)).map((name) => `${name} is missing`),
    ...present
      .filter((name) => KNOWN.includes(name) && (typeof given[name] !== 'string' || given[name] === ''))
      .map((name) => `${name} must be a text that is not empty`),
    ...present
      .filter((name) => !KNOWN.includes(name))
      .map((name) => `${name} is not an option (there are ${KNOWN.join(', ')})`),
  ];
}

/** The SDK of one page; `page` is its window. */
export function createBeckon(page: Window & typeof globalThis): Beckon {
  let options: BeckonOptions | undefined;

  function configured(): BeckonOptions {
    if (!options) throw new Error('beckon.init() comes first');
    return options;
  }

  /** The worker reads these when the browser changes its subscription and no page is open. */
  function workerUrl({ siteId, serverUrl, serviceWorkerPath, vapidPublicKey }: BeckonOptions): string {
    const url = new URL(serviceWorkerPath ?? '/service-worker.js', page.location.href);
    url.searchParams.set('site', siteId);
    url.searchParams.set('server', serverUrl);
    url.searchParams.set('key', vapidPublicKey);
    url.searchParams.set('visitor', anonymousIdOf(page));
    return url.href;
  }

  /** @returns the subscription; the endpoint of the one whose place it takes is kept until the server knows */
  async function pushSubscription(settings: BeckonOptions): Promise<PushSubscription> {
    await page.navigator.serviceWorker.register(workerUrl(settings));
    const { pushManager } = await page.navigator.serviceWorker.ready;
    const applicationServerKey = bytesOf(settings.vapidPublicKey);
    const existing = await pushManager.getSubscription();
    if (existing && sameBytes(existing.options.applicationServerKey, applicationServerKey)) {
      return existing;
    }
    // A browser refuses a second key: pushes signed with the site's new one, or by VAPID at all after legacy FCM,
    // need a new subscription. Where permission was given nobody is asked again.
    if (existing) await keepReplaces(page, settings.siteId, existing.endpoint);
    await existing?.unsubscribe();
    return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  }

  /**
   * Safari before 16 registers with the server by itself when its user allows pushes. Afterwards it asks nobody and
   * tells nobody, so that a visitor who has unsubscribed is brought back from here.
   */
  async function subscribeSafari(
    settings: BeckonOptions,
    { topics, customAttributes }: SubscribeOptions,
  ): Promise<SubscribeResult> {
    const { serverUrl, safariWebsitePushId: websitePushId } = settings;
    if (websitePushId === undefined) return { status: 'unsupported' };
    const anonymousId = anonymousIdOf(page);
    const known = safariToken(page, websitePushId);
    const { permission, deviceToken } = await askSafari(page, { serverUrl, websitePushId, anonymousId });
    if (permission !== 'granted') return { status: permission };
    if (known !== undefined) {
      const body = {
        transport: 'apns',
        deviceToken: known,
        ...describeBrowser(page.navigator),
        anonymousId,
        ...(topics === undefined ? {} : { topics }),
        ...(customAttributes === undefined ? {} : { customAttributes }),
      };
      // Registered under an id that this browser has lost since: it is subscribed.
      await call('POST', settings, body, 'other_visitor');
    }
    return { status: 'subscribed', endpoint: (deviceToken ?? '').toLowerCase() };
  }

  /** @param accepted the code of a problem that is as good as success */
  async function call(
    method: string,
    settings: BeckonOptions,
    body: Record<string, unknown>,
    accepted?: string,
  ): Promise<void> {
    const response = await page.fetch(`${settings.serverUrl}/v1/sdk/subscriptions`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ siteId: settings.siteId, ...body }),
      credentials: 'omit',
    });
    if (response.ok) return;
    if (accepted !== undefined && (await codeOf(response)) === accepted) return;
    throw new Error(`Beckon answered ${response.status}`);
  }

  return {
    init(given) {
      const faults = optionFaults({ ...given });
      if (faults.length > 0) throw new Error(`beckon.init: ${faults.join('; ')}`);
      options = { ...given, serverUrl: given.serverUrl.replace(/\/+$/, '') };
      reportSafariClick(page, options.serverUrl);
    },
    async subscribe({ topics, customAttributes } = {}) {
      const settings = configured();
      const { navigator } = page;
      if (needsSafariPush(page)) return subscribeSafari(settings, { topics, customAttributes });
      const supported = 'serviceWorker' in navigator && 'PushManager' in page && 'Notification' in page;
      if (!supported) return { status: 'unsupported' };
      const permission = await page.Notification.requestPermission();
      if (permission !== 'granted') return { status: permission };
      const subscription = await pushSubscription(settings);
      const replaces = await pendingReplaces(page, settings.siteId);
      await call('POST', settings, {
        transport: 'vapid',
        pushSubscription: subscription.toJSON(),
        vapidPublicKey: settings.vapidPublicKey,
        ...(replaces === undefined || replaces === subscription.endpoint ? {} : { replaces }),
        ...describeBrowser(navigator),
        anonymousId: anonymousIdOf(page),
        ...(topics === undefined ? {} : { topics }),
        ...(customAttributes === undefined ? {} : { customAttributes }),
      });
      if (replaces !== undefined) await forgetReplaces(page, settings.siteId);
      return { status: 'subscribed', endpoint: subscription.endpoint };
    },
    async unsubscribe() {
      const settings = configured();
      if (needsSafariPush(page)) {
        const token = safariToken(page, settings.safariWebsitePushId ?? '');
        if (token === undefined) return false;
        await call('DELETE', settings, { endpoint: token.toLowerCase(), anonymousId: anonymousIdOf(page) });
        return true;
      }
      if (!('serviceWorker' in page.navigator)) return false;
      const registration = await page.navigator.serviceWorker.getRegistration();
      const subscription = await registration?.pushManager.getSubscription();
      // The server may still know the browser by the address before.
      const replaces = await pendingReplaces(page, settings.siteId);
      if (!subscription && replaces === undefined) return false;
      await subscription?.unsubscribe();
      const endpoints = new Set([subscription?.endpoint, replaces].filter((one) => one !== undefined));
      for (const endpoint of endpoints) await call('DELETE', settings, { endpoint });
      if (replaces !== undefined) await forgetReplaces(page, settings.siteId);
      return true;
    },
  };
}

/** @returns the code of a problem document, if that is what was answered */
async function codeOf(response: Response): Promise<unknown> {
  try {
    return ((await response.json()) as { code?: unknown }).code;
  } catch {
    return undefined;
  }
}
