import { chosenContent } from './chosen-content.ts';
import { payloadFor } from './compose-push.ts';
import type { WebPushContent, WebPushTexts } from './content.ts';
import { propertyAt } from './known-properties.ts';
import type { KnownProperty } from '../ports/properties.ts';
import type { RenderedWebPush } from './render-web-push.ts';
import type { Fault } from '../audience/segment.ts';

/** RFC 8291 section 4: 4,096 bytes less header, padding delimiter and tag. */
export const MAX_PUSH_PAYLOAD_BYTES = 3_993;

/** What an output is taken to print, in bytes, where no value of it is known. */
const UNKNOWN_OUTPUT_BYTES = 64;
/** What an output in an address may grow by: each byte as `%..`. */
const ENCODED = 3;
const FAR_TOO_MUCH = 100_000;
/** What comes with every message beside its texts: as long as ours are, and an address of usual length. */
export const PUSH_FRAME = {
  messageId: 'm'.repeat(49),
  subscriptionId: 's'.repeat(24),
  receiptUrl: 'u'.repeat(64),
  receiptToken: 't'.repeat(43),
};

/** @returns the bytes of a text in UTF-8 */
export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** @returns how much too long a payload is, as a sentence; null when push services take it */
export function payloadFault(bytes: number): string | null {
  if (bytes <= MAX_PUSH_PAYLOAD_BYTES) return null;
  const over = bytes - MAX_PUSH_PAYLOAD_BYTES;
  return `the message has ${bytes} bytes, ${over} more than the ${MAX_PUSH_PAYLOAD_BYTES} that a push may have`;
}

/** What an instance and a site add to every message. */
export interface PushSurroundings {
  /** Where the browser reports to. */
  receiptUrl?: string | undefined;
  /** The site's, for contents without an icon. */
  defaultIcon?: string | undefined;
}

/** What the properties of profiles and events are known to be; null where it is not known. */
export interface KnownProperties {
  profile: KnownProperty[] | null;
  event: KnownProperty[] | null;
}

/** What one content of a campaign may come to as a payload, in bytes. */
export interface PayloadEstimate {
  /** Where the content stands. */
  pointer: string;
  /** Of the text that is certainly in it. */
  least: number;
  /** With every text that may be in it, and each output as long as `outputBytes` takes it to be. */
  most: number;
}

/**
 * Estimates every content that a profile can get. The worst case is that of the values that were seen: an output
 * prints the longest of its properties, three times as long in an address, or 64 bytes where none is known; what loops
 * print is counted once.
 */
export function payloadEstimates(
  what: WebPushContent,
  known: KnownProperties,
  around: PushSurroundings = {},
): PayloadEstimate[] {
  return contentsOf(what).map(({ pointer, texts }) => ({
    pointer,
    least: bytesOf(what, texts, around, certain),
    most: bytesOf(what, texts, around, (text, growth) => possible(text, known, growth)),
  }));
}

/** @returns a fault for each content whose fixed text alone is larger than a push may be */
export function payloadFaults(what: WebPushContent): Fault[] {
  return payloadEstimates(what, { profile: null, event: null }).flatMap(({ pointer, least }) => {
    const detail = payloadFault(least);
    return detail === null ? [] : [{ pointer, detail: `${detail}, before any value is put in` }];
  });
}

/** @returns title and link of every content, as much of them as is certainly in it, with where it stands */
export function certainTitles(what: WebPushContent): { pointer: string; title: string; url: string }[] {
  return contentsOf(what).map(({ pointer, texts: { title, url = '' } }) => ({
    pointer,
    title: certain(title),
    url: certain(url),
  }));
}

/** @returns the contents that a profile can get, with where the last thing that makes them different stands */
function contentsOf(what: WebPushContent): { pointer: string; texts: WebPushTexts }[] {
  const variants = what.variants ?? [undefined];
  return variants.flatMap((variant, i) => {
    const own = Object.keys(variant?.content.languages ?? {});
    const tags = [undefined, ...new Set([...own, ...Object.keys(what.languages ?? {})])];
    const base = variant ? `/what/variants/${i}/content` : '/what';
    return tags.map((tag) => {
      const { texts } = chosenContent(what, '', '', tag, variant?.name);
      if (tag === undefined) return { pointer: base, texts };
      const place = variant && own.includes(tag) ? base : '/what';
      return { pointer: `${place}/languages/${tag}`, texts };
    });
  });
}

function bytesOf(
  what: WebPushContent,
  texts: WebPushTexts,
  { receiptUrl = PUSH_FRAME.receiptUrl, defaultIcon }: PushSurroundings,
  show: (text: string, growth: number) => string,
): number {
  const shown = (text: string): string => show(text, 1);
  const address = (text: string): string => show(text, ENCODED);
  const utm = Object.entries(what.utm ?? {})
    .map(([name, value]) => `&utm_${name}=${address((value as string | undefined) ?? '')}`)
    .join('');
  const text = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : shown(value);
  const link = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : address(value) + utm;
  const file = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : address(value);
  const content: RenderedWebPush = {
    topic: what.topic,
    requireInteraction: what.requireInteraction,
    title: shown(texts.title),
    body: text(texts.body),
    url: link(texts.url),
    image: file(texts.image),
    icon: file(texts.icon) ?? defaultIcon,
    badge: file(texts.badge),
    actions: texts.actions?.map(({ title, url }) => ({ title: shown(title), url: link(url) })),
    data: Object.fromEntries(Object.entries(texts.data ?? {}).map(([key, value]) => [key, shown(value)])),
  };
  return utf8Bytes(JSON.stringify(payloadFor({ content, ...PUSH_FRAME, receiptUrl })));
}

const PARTS = /(\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\})/;

/** The text that is there whatever the values: none where tags may leave some out. */
function certain(text: string): string {
  if (text.includes('{%')) return '';
  return text
    .split(PARTS)
    .filter((part) => !part.startsWith('{{'))
    .join('');
}

/** The text of every branch, and for each output a stretch as long as it may be. */
function possible(text: string, known: KnownProperties, growth: number): string {
  return text
    .split(PARTS)
    .map((part) => {
      if (part.startsWith('{{')) return 'x'.repeat(Math.min(outputBytes(part, known, growth), FAR_TOO_MUCH));
      return part.startsWith('{%') ? '' : part;
    })
    .join('');
}

/** Of every property that it names: one may be put after the other. */
function outputBytes(output: string, known: KnownProperties, growth: number): number {
  const named = pathsIn(output);
  if (named.length === 0) return UNKNOWN_OUTPUT_BYTES;
  const bytes = named.map(({ root, path }) => {
    const isBelow = root === 'profile' && path[0] === 'properties';
    const longest = maxBytesOf(known[root] ?? [], isBelow ? path.slice(1) : path);
    return longest === undefined ? UNKNOWN_OUTPUT_BYTES : growth * longest;
  });
  return bytes.reduce((sum, one) => sum + one, 0);
}

/** A text in quotes; one that does not end is taken to its end, so that no other is looked for inside of it. */
const QUOTED = String.raw`"(?:\\[^]|[^"\\])*"?|'(?:\\[^]|[^'\\])*'?`;
/** A name after a dot, or one or a number in brackets. */
const STEP = String.raw`\.\s*[\w?\u0080-\uffff-]+|\[\s*(?:${QUOTED}|-?\d+)\s*\]`;
/** Texts in quotes are matched to be passed over: what they hold names nothing. */
const NAMED = new RegExp(String.raw`${QUOTED}|\b(profile|event)\b((?:${STEP})*)`, 'g');

/** @returns what an output names of profile and event as often as it does; of `a[b]` as far as it is known */
function pathsIn(output: string): { root: 'profile' | 'event'; path: string[] }[] {
  return [...output.matchAll(NAMED)].flatMap(([, root, steps = '']) => {
    if (root !== 'profile' && root !== 'event') return [];
    return { root, path: (steps.match(new RegExp(STEP, 'g')) ?? []).map(nameOf) };
  });
}

function nameOf(step: string): string {
  if (step.startsWith('.')) return step.slice(1).trim();
  const inner = step.slice(1, -1).trim();
  return /^["']/.test(inner) ? inner.slice(1, -1).replace(/\\([^])/g, '$1') : inner;
}

/** Of what is inside of a list, or too deep to be known: what all of it has. */
function maxBytesOf(properties: KnownProperty[], path: string[]): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const property = propertyAt(properties, path.slice(0, length));
    if (property) return property.maxBytes;
  }
  return undefined;
}
