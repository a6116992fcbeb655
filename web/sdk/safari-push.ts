import { describeBrowser } from './browser-info.ts';

/** What Safari says about the permission of a website push id. */
interface SafariPermission {
  permission: 'granted' | 'denied' | 'default';
  deviceToken?: string;
}

/** Safari's website push, as in Safari 7 to 15; later ones have standard web push beside it. */
interface SafariRemoteNotification {
  permission(websitePushId: string): SafariPermission;
  requestPermission(
    webServiceUrl: string,
    websitePushId: string,
    userInfo: Record<string, string>,
    callback: (answer: SafariPermission) => void,
  ): void;
}

function pushOf(page: object): SafariRemoteNotification | undefined {
  const { safari } = page as { safari?: { pushNotification?: SafariRemoteNotification } };
  return safari?.pushNotification;
}

/** @returns whether this browser has nothing but Safari's own website push */
export function needsSafariPush(page: Window & typeof globalThis): boolean {
  return pushOf(page) !== undefined && !('PushManager' in page);
}

/** Asks for permission; Safari then gets the push package and registers with the server by itself. */
export function askSafari(
  page: Window & typeof globalThis,
  settings: { serverUrl: string; websitePushId: string; anonymousId: string },
): Promise<SafariPermission> {
  const push = pushOf(page);
  if (!push) return Promise.resolve({ permission: 'default' });
  const known = push.permission(settings.websitePushId);
  // Safari asks nobody twice, and a second request would only come back with the same answer.
  if (known.permission !== 'default') return Promise.resolve(known);
  const { language, timezone } = describeBrowser(page.navigator);
  return new Promise((resolve) => {
    push.requestPermission(
      `${settings.serverUrl}/v1/safari`,
      settings.websitePushId,
      { anonymousId: settings.anonymousId, language, timezone },
      resolve,
    );
  });
}

/** @returns the token of this browser, if it allows pushes of the website */
export function safariToken(page: Window & typeof globalThis, websitePushId: string): string | undefined {
  const known = pushOf(page)?.permission(websitePushId);
  return known?.permission === 'granted' ? known.deviceToken : undefined;
}
