/** What a subscription says about the browser it lives in. */
export interface BrowserInfo {
  browserType: string;
  platformName: string;
  language: string;
  /** IANA name. */
  timezone: string;
}

/** Order matters: most browsers also name those they descend from. */
const BROWSERS: [string, RegExp][] = [
  ['Edge', /\bEdgA?\//],
  ['Opera', /\bOPR\//],
  ['Samsung Internet', /\bSamsungBrowser\//],
  ['Firefox', /\b(Firefox|FxiOS)\//],
  ['Chrome', /\b(Chrome|Chromium|CriOS|HeadlessChrome)\//],
  ['Safari', /\bSafari\//],
];

const PLATFORMS: [string, RegExp][] = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad|iPod/],
  ['Windows', /Windows/],
  ['macOS', /Macintosh|Mac OS X/],
  ['ChromeOS', /CrOS/],
  ['Linux', /Linux/],
];

/** Reads the browser's own description of itself; `Unknown` where it says nothing that is known. */
export function describeBrowser(navigator?: { userAgent: string; language: string }): BrowserInfo {
  const userAgent = navigator?.userAgent ?? '';
  return {
    browserType: nameOf(BROWSERS, userAgent),
    platformName: nameOf(PLATFORMS, userAgent),
    language: navigator?.language ?? 'en',
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

function nameOf(known: [string, RegExp][], userAgent: string): string {
  return known.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? 'Unknown';
}
