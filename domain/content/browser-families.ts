import { LEFT_OUT_BY_SAFARI } from './safari-payload.ts';

/** What of a notification a browser may leave out. */
export type ShownField = 'icon' | 'image' | 'badge' | 'actions' | 'requireInteraction' | 'data';

export interface BrowserFamily {
  id: string;
  name: string;
  /** Why it leaves a field out, by field. */
  leavesOut: Partial<Record<ShownField, string>>;
  /** Why what is shown may look otherwise, by field. */
  notes?: Partial<Record<ShownField, string>>;
  /** About how many characters of each it shows before it cuts. */
  shows: { title: number; body: number };
}

const FIREFOX = {
  image: 'Firefox shows no large image',
  badge: 'Firefox shows no badge',
};
const OLD_FIREFOX_ACTIONS = { actions: 'only recent versions of Firefox show buttons' };
const WEBKIT = {
  icon: 'Safari shows the icon of the website or of the installed app',
  image: 'Safari shows no large image',
  badge: 'Safari shows no badge',
  actions: 'Safari shows no buttons',
  requireInteraction: 'how long it stays is a setting of the user',
};
const ON_ANDROID = { requireInteraction: 'on Android a notification stays until it is dealt with anyway' };
const ON_DESKTOP = { badge: 'the badge stands in the status bar of Android only' };
const NOT_ON_MACOS = { image: 'shown on Windows, Linux and ChromeOS; macOS has no place for it' };

/**
 * Which browser shows what. From MDN's browser compatibility data (api.Notification.* and
 * ServiceWorkerRegistration.showNotification) and, for APNs, Apple's "Configuring Safari Push Notifications". How
 * many characters are shown depends on the system's font and width: the numbers are rules of thumb.
 */
export const BROWSER_FAMILIES: readonly BrowserFamily[] = [
  {
    id: 'chromeDesktop',
    name: 'Chrome on desktops',
    leavesOut: ON_DESKTOP,
    notes: NOT_ON_MACOS,
    shows: { title: 60, body: 150 },
  },
  { id: 'chromeAndroid', name: 'Chrome on Android', leavesOut: ON_ANDROID, shows: { title: 50, body: 150 } },
  {
    id: 'firefoxDesktop',
    name: 'Firefox on desktops',
    leavesOut: { ...FIREFOX, ...OLD_FIREFOX_ACTIONS, requireInteraction: 'Firefox keeps it on Windows only' },
    shows: { title: 65, body: 180 },
  },
  {
    id: 'firefoxAndroid',
    name: 'Firefox on Android',
    leavesOut: { ...FIREFOX, ...OLD_FIREFOX_ACTIONS, ...ON_ANDROID },
    shows: { title: 50, body: 150 },
  },
  {
    id: 'edge',
    name: 'Edge',
    leavesOut: ON_DESKTOP,
    notes: NOT_ON_MACOS,
    shows: { title: 60, body: 150 },
  },
  {
    id: 'safariMacos',
    name: 'Safari 16 and later on macOS',
    leavesOut: WEBKIT,
    shows: { title: 55, body: 150 },
  },
  {
    id: 'safariIos',
    name: 'Safari on iOS 16.4 and later, as an installed web app',
    leavesOut: WEBKIT,
    shows: { title: 50, body: 120 },
  },
  {
    id: 'safariLegacy',
    name: "Safari's website push through APNs",
    leavesOut: {
      ...(Object.fromEntries(
        LEFT_OUT_BY_SAFARI.map((field) => [field, "Safari's website push has no place for it"]),
      ) as Record<(typeof LEFT_OUT_BY_SAFARI)[number], string>),
      icon: 'Safari shows the icon of the push package',
    },
    shows: { title: 50, body: 120 },
  },
  {
    id: 'samsungInternet',
    name: 'Samsung Internet',
    leavesOut: ON_ANDROID,
    shows: { title: 50, body: 150 },
  },
  {
    id: 'opera',
    name: 'Opera on desktops',
    leavesOut: ON_DESKTOP,
    notes: NOT_ON_MACOS,
    shows: { title: 60, body: 150 },
  },
];

/** How many characters every browser shows, and how many the widest does. */
export function displayLimits(field: 'title' | 'body'): { all: number; widest: number } {
  const numbers = BROWSER_FAMILIES.map(({ shows }) => shows[field]);
  return { all: Math.min(...numbers), widest: Math.max(...numbers) };
}
