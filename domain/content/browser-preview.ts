import { BROWSER_FAMILIES, type BrowserFamily, type ShownField } from './browser-families.ts';
import { payloadFor } from './compose-push.ts';
import { graphemes } from './display-length.ts';
import { MAX_PUSH_PAYLOAD_BYTES, payloadFault, PUSH_FRAME, utf8Bytes } from './payload-size.ts';
import type { RenderedWebPush } from './render-web-push.ts';
import { safariLinkFault } from './safari-payload.ts';
import type { Site } from '../site.ts';

/** How one kind of browser shows a message. */
export interface FamilyPreview {
  family: string;
  name: string;
  /** Null: it shows nothing; `notShown` says why. */
  shown: Partial<RenderedWebPush> | null;
  notShown?: string | undefined;
  leftOut: { field: string; why: string }[];
  notes: { field: string; why: string }[];
  /** About how many characters it shows before it cuts, and whether there are more. */
  lengths: Record<'title' | 'body', { shows: number; cut: boolean }>;
}

/** A rendered message as browsers show it. */
export interface WebPushPreview {
  content: RenderedWebPush;
  payload: { bytes: number; limit: number; fault: string | null };
  /** Characters as a reader counts them. */
  lengths: { title: number; body: number };
  browsers: FamilyPreview[];
}

/** @returns how every kind of browser shows a message */
export function previewInBrowsers(content: RenderedWebPush, site: Pick<Site, 'safari'>): WebPushPreview {
  const lengths = { title: graphemes(content.title), body: graphemes(content.body ?? '') };
  const bytes = utf8Bytes(JSON.stringify(payloadFor({ content, ...PUSH_FRAME })));
  return {
    content,
    payload: { bytes, limit: MAX_PUSH_PAYLOAD_BYTES, fault: payloadFault(bytes) },
    lengths,
    browsers: BROWSER_FAMILIES.map((family) => familyPreview(family, content, lengths, site)),
  };
}

function familyPreview(
  family: BrowserFamily,
  content: RenderedWebPush,
  lengths: { title: number; body: number },
  site: Pick<Site, 'safari'>,
): FamilyPreview {
  const { title, body, url, ttl: _ttl, urgency: _urgency, topic: _topic, ...optional } = content;
  const shown: Partial<RenderedWebPush> = { title, body, url };
  const leftOut: FamilyPreview['leftOut'] = [];
  const notes: FamilyPreview['notes'] = [];
  for (const field of Object.keys(optional) as ShownField[]) {
    if (isEmpty(optional[field])) continue;
    const why = family.leavesOut[field];
    if (why !== undefined) leftOut.push({ field, why });
    else Object.assign(shown, { [field]: optional[field] });
    const note = family.notes?.[field];
    if (note !== undefined) notes.push({ field, why: note });
  }
  const notShown = family.id === 'safariLegacy' ? notShownBySafari(url, site) : undefined;
  const { shows } = family;
  return {
    family: family.id,
    name: family.name,
    shown: notShown === undefined ? shown : null,
    ...(notShown === undefined ? {} : { notShown }),
    leftOut,
    notes,
    lengths: {
      title: { shows: shows.title, cut: lengths.title > shows.title },
      body: { shows: shows.body, cut: lengths.body > shows.body },
    },
  };
}

function notShownBySafari(url: string | undefined, { safari }: Pick<Site, 'safari'>): string | undefined {
  if (!safari) return 'the site has no Safari settings';
  return safariLinkFault(url, safari)?.detail;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === false) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
