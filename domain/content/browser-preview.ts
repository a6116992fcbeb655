import { BROWSER_FAMILIES, type BrowserFamily, type ShownField } from './browser-families.ts';
import { payloadFor } from './compose-push.ts';
import { graphemes } from './display-length.ts';
import { MAX_PUSH_PAYLOAD_BYTES, payloadFault, PUSH_FRAME, utf8Bytes } from './payload-size.ts';
import type { RenderedWebPush } from './render-web-push.ts';
import { MAX_SAFARI_PAYLOAD_BYTES, safariPreview } from './safari-payload.ts';
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

/** Why a kind of browser shows nothing, or the body as it gets it where all of it is too much. */
interface KeptBack {
  notShown?: string | undefined;
  cutBody?: string | undefined;
}

/** @returns how every kind of browser shows a message */
export function previewInBrowsers(content: RenderedWebPush, site: Pick<Site, 'safari'>): WebPushPreview {
  const lengths = { title: graphemes(content.title), body: graphemes(content.body ?? '') };
  const bytes = utf8Bytes(JSON.stringify(payloadFor({ content, ...PUSH_FRAME })));
  const fault = payloadFault(bytes);
  // Safari's website push has a payload of its own, shortened until it fits.
  const keptBack = ({ id }: BrowserFamily): KeptBack =>
    id === 'safariLegacy' ? keptBackBySafari(content, site) : { notShown: fault ?? undefined };
  return {
    content,
    payload: { bytes, limit: MAX_PUSH_PAYLOAD_BYTES, fault },
    lengths,
    browsers: BROWSER_FAMILIES.map((family) => familyPreview(family, content, lengths, keptBack(family))),
  };
}

function familyPreview(
  family: BrowserFamily,
  content: RenderedWebPush,
  lengths: { title: number; body: number },
  { notShown, cutBody }: KeptBack,
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
  if (cutBody !== undefined) {
    shown.body = cutBody;
    const why = `is cut: with title and link it takes more than ${MAX_SAFARI_PAYLOAD_BYTES} bytes`;
    notes.push({ field: 'body', why });
  }
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

function keptBackBySafari({ title, body, url }: RenderedWebPush, { safari }: Pick<Site, 'safari'>): KeptBack {
  if (!safari) return { notShown: 'the site has no Safari settings' };
  const made = safariPreview({ title, body, url }, safari);
  if (made.kind === 'ready') return made.cut ? { cutBody: made.body } : {};
  const reason = made.reason === 'payloadTooLarge' ? 'payloadTooLarge: ' : '';
  return { notShown: `${reason}${made.detail}` };
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === false) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
