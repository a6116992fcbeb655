import type { SafariSettings } from '../site.ts';

/** Apple's limit of a payload by HTTP/2. */
export const MAX_SAFARI_PAYLOAD_BYTES = 4_096;

/** What the landing page of a click reads, reports and takes off its address. */
export const CLICK_PARAMETERS = {
  message: 'beckon_message',
  subscription: 'beckon_subscription',
  token: 'beckon_token',
} as const;

export interface SafariPush {
  title: string;
  body?: string | undefined;
  /** Where a click leads. */
  url?: string | undefined;
  /** The text of the button of an alert, where Safari shows one. */
  action?: string | undefined;
}

/** What Safari's website push has no place for, by the names of the contract. */
export const LEFT_OUT_BY_SAFARI = [
  'image',
  'icon',
  'badge',
  'actions',
  'data',
  'requireInteraction',
] as const;

export type SafariPayload =
  | { kind: 'ready'; payload: string; /** The body was too long and lost its end. */ cut: boolean }
  | { kind: 'rejected'; reason: 'urlMissing' | 'urlNotAllowed' | 'payloadTooLarge'; detail: string };

/** @returns what `urlFormatString` of the push package is: every link is completed from it */
export function urlFormatOf(safari: Pick<SafariSettings, 'allowedDomains'>): string {
  return `${safari.allowedDomains[0] ?? ''}/%@`;
}

/**
 * @returns why Safari could not follow a link, or null: the push package fixes where links lead, to the first of
 *   the allowed domains, and a push completes the rest
 */
export function safariLinkFault(
  url: string | undefined,
  safari: Pick<SafariSettings, 'allowedDomains'>,
): { reason: 'urlMissing' | 'urlNotAllowed'; detail: string } | null {
  if (url === undefined || url === '') {
    return { reason: 'urlMissing', detail: 'Safari shows no website push without a link' };
  }
  const [domain = ''] = safari.allowedDomains;
  if (URL.canParse(url) && new URL(url).origin === domain) return null;
  const detail = `Safari's website push only leads to ${domain}, the first of the allowed domains`;
  return { reason: 'urlNotAllowed', detail };
}

/**
 * @param click proves the click to be one of this push: `token` is the receipt token of message and subscription
 * @returns the exact payload: `{"aps":{"alert":{"title","body","action"?},"url-args":[…]}}` (Apple: Pushing
 *   Notifications). A body that does not fit is cut between characters as a reader sees them, and ends in "…".
 */
export function safariPayload(
  push: SafariPush,
  safari: Pick<SafariSettings, 'allowedDomains'>,
  click: { messageId: string; subscriptionId: string; token: string },
): SafariPayload {
  const fault = safariLinkFault(push.url, safari);
  if (fault) return { kind: 'rejected', ...fault };
  const urlArg = landingPath(push.url ?? '', click);
  const payloadWith = (body: string): string =>
    JSON.stringify({
      aps: {
        alert: { title: push.title, body, ...(push.action ? { action: push.action } : {}) },
        'url-args': [urlArg],
      },
    });

  const whole = payloadWith(push.body ?? '');
  if (bytesOf(whole) <= MAX_SAFARI_PAYLOAD_BYTES) return { kind: 'ready', payload: whole, cut: false };
  const room = MAX_SAFARI_PAYLOAD_BYTES - bytesOf(payloadWith('…'));
  if (room < 0) {
    const detail = `title and link alone take more than ${MAX_SAFARI_PAYLOAD_BYTES} bytes`;
    return { kind: 'rejected', reason: 'payloadTooLarge', detail };
  }
  return { kind: 'ready', payload: payloadWith(`${beginningOf(push.body ?? '', room)}…`), cut: true };
}

/** What comes with every push beside its texts: ids and a token as long as ours are. */
const SAFARI_FRAME = {
  messageId: 'm'.repeat(49),
  subscriptionId: 's'.repeat(24),
  token: 't'.repeat(22),
};

/** @returns what Safari would show of a push that is not sent to anybody yet, and why not */
export function safariPreview(
  push: SafariPush,
  safari: Pick<SafariSettings, 'allowedDomains'>,
): { kind: 'ready'; body: string; cut: boolean } | Extract<SafariPayload, { kind: 'rejected' }> {
  const made = safariPayload(push, safari, SAFARI_FRAME);
  if (made.kind === 'rejected') return made;
  const { aps } = JSON.parse(made.payload) as { aps: { alert: { body: string } } };
  return { kind: 'ready', body: aps.alert.body, cut: made.cut };
}

/** @returns path, query and fragment of a link without its first slash, tagged with the click */
function landingPath(
  link: string,
  click: { messageId: string; subscriptionId: string; token: string },
): string {
  const { pathname, search, hash } = new URL(link);
  // By hand: a query that is read and written again comes out with other escapes than the campaign gave it.
  const tag = [
    `${CLICK_PARAMETERS.message}=${encodeURIComponent(click.messageId)}`,
    `${CLICK_PARAMETERS.subscription}=${encodeURIComponent(click.subscriptionId)}`,
    `${CLICK_PARAMETERS.token}=${encodeURIComponent(click.token)}`,
  ].join('&');
  return `${pathname.slice(1)}${search.length > 1 ? `${search}&` : '?'}${tag}${hash}`;
}

/** @returns as many whole characters (grapheme clusters) as fit into so many bytes of a JSON string */
function beginningOf(text: string, room: number): string {
  let taken = '';
  let left = room;
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)) {
    left -= bytesOf(JSON.stringify(segment)) - 2;
    if (left < 0) break;
    taken += segment;
  }
  return taken;
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
