import type { CampaignDefinition, WebhookDefinition, WebPushDefinition } from '../campaign/campaign.ts';
import { displayLimits } from './browser-families.ts';
import { placesOf } from './content-faults.ts';
import { webPushPlaces } from './content-places.ts';
import type { WebPushContent, WebPushTexts } from './content.ts';
import { graphemes } from './display-length.ts';
import {
  certainTitles,
  MAX_PUSH_PAYLOAD_BYTES,
  payloadEstimates,
  payloadFaults,
  type KnownProperties,
} from './payload-size.ts';
import { propertyAt } from './known-properties.ts';
import type { KnownProperty } from '../ports/properties.ts';
import type { TemplateEngine } from '../ports/services.ts';
import { PROFILE_FIELDS } from '../profile.ts';
import { LEFT_OUT_BY_SAFARI, safariLinkFault, safariPreview } from './safari-payload.ts';
import type { Fault } from '../audience/segment.ts';
import type { SafariSettings, Site } from '../site.ts';

/** What the warnings of a campaign are judged by. */
export interface KnownAccount extends KnownProperties {
  site: (Pick<Site, 'safari'> & { defaultIcon?: string | undefined }) | null;
  /** Where browsers report to; absent: an address of usual length. */
  receiptUrl?: string | undefined;
}

/** @returns what a campaign can be published with and is probably not meant, with where it stands */
export function publishWarnings(
  definition: CampaignDefinition,
  templates: Pick<TemplateEngine, 'check' | 'references'>,
  known: KnownAccount,
): Fault[] {
  const faults = propertyWarnings(definition, templates, known);
  if (definition.channel !== 'webPush') return [...faults, ...untoldDataWarnings(definition)];
  return [
    ...faults,
    ...sizeWarnings(definition, known),
    ...lengthWarnings(definition),
    ...linkWarnings(definition),
    ...languageWarnings(definition),
    ...safariWarnings(definition, known.site),
  ];
}

const ROOTS = ['profile', 'event', 'data', 'campaign', 'site', 'now'];
/** What Liquid answers of any list or text. */
const OF_LISTS = ['size', 'first', 'last'];

function propertyWarnings(
  definition: CampaignDefinition,
  templates: Pick<TemplateEngine, 'check' | 'references'>,
  known: KnownProperties,
): Fault[] {
  const event = 'live' in definition.who ? definition.who.live.event : null;
  return [...chosenPropertyWarnings(definition, known), ...textWarnings(definition, templates, known, event)];
}

/** Only a body of the campaign's own can hold what a call gives. */
function untoldDataWarnings({ who, what }: WebhookDefinition): Fault[] {
  const required = 'api' in who ? (who.api.requiredData ?? []) : [];
  if (required.length === 0 || what.body !== undefined) return [];
  const detail = 'is not told by the standard payload, which has no place for it; use body';
  return [{ pointer: '/who/api/requiredData', detail }];
}

/** Of a webhook, the properties that the standard payload is to hold. */
function chosenPropertyWarnings(definition: CampaignDefinition, { profile }: KnownProperties): Fault[] {
  if (definition.channel !== 'webhook' || profile === null) return [];
  return (definition.what.properties ?? []).flatMap((name, i) => {
    if (profile.some(({ path }) => path.length === 1 && path[0] === name)) return [];
    const detail = `names ${name}, which no profile that was looked at has`;
    return [{ pointer: `/what/properties/${i}`, detail }];
  });
}

function textWarnings(
  definition: CampaignDefinition,
  templates: Pick<TemplateEngine, 'check' | 'references'>,
  known: KnownProperties,
  event: string | null,
): Fault[] {
  // What does not parse is a fault, and is told as one.
  const places = placesOf(definition).filter(({ text }) => templates.check(text) === null);
  return places.flatMap(({ pointer, text }) => {
    const details = templates
      .references(text)
      .map((path) => unknownProperty(path, known, event))
      .filter((detail) => detail !== null);
    return [...new Set(details)].map((detail) => ({ pointer, detail }));
  });
}

function unknownProperty(
  [root, ...path]: string[],
  known: KnownProperties,
  event: string | null,
): string | null {
  if (root === undefined) return null;
  if (!ROOTS.includes(root)) return `names ${root}, which is none of ${ROOTS.join(', ')}`;
  if (path.length === 0) return null;
  if (root === 'profile') {
    const [first] = path;
    const own = first === 'properties' ? path.slice(1) : path;
    if (first === 'objectId' || (PROFILE_FIELDS as readonly string[]).includes(first ?? '')) return null;
    if (own.length === 0 || known.profile === null || isKnown(own, known.profile)) return null;
    return `names ${spoken('profile', own)}, which no profile that was looked at has`;
  }
  if (root === 'event' && event !== null && known.event !== null && !isKnown(path, known.event))
    return `names ${spoken('event', path)}, which no event ${event} that was looked at has`;
  if ((root === 'campaign' || root === 'site') && !['id', 'name'].includes(path[0] ?? ''))
    return `names ${spoken(root, path)}; there are ${root}.id and ${root}.name`;
  return null;
}

/** As a text names it: in brackets what cannot stand behind a dot, such as a name with a dot or a space. */
function spoken(root: string, path: string[]): string {
  return (
    root + path.map((part) => (/^[\w-]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`)).join('')
  );
}

function isKnown(path: string[], known: KnownProperty[]): boolean {
  const named = path.filter((part, i) => i === 0 || !(OF_LISTS.includes(part) || /^-?\d+$/.test(part)));
  for (let length = named.length; length > 0; length -= 1) {
    const property = propertyAt(known, named.slice(0, length));
    if (!property) continue;
    if (length === named.length) return true;
    // What is inside of a list is not learned, nor is what is nested deeper than three levels.
    return property.types.includes('array') || length >= 3;
  }
  return false;
}

function sizeWarnings({ what }: WebPushDefinition, known: KnownAccount): Fault[] {
  const around = { receiptUrl: known.receiptUrl, defaultIcon: known.site?.defaultIcon };
  // What is too large in any case is a fault, and is told as one.
  const faulty = new Set(payloadFaults(what).map(({ pointer }) => pointer));
  return payloadEstimates(what, known, around)
    .filter(({ pointer, most }) => most > MAX_PUSH_PAYLOAD_BYTES && !faulty.has(pointer))
    .map(({ pointer, most }) => ({
      pointer,
      detail:
        `with long values the message may have ${most} bytes, more than the ${MAX_PUSH_PAYLOAD_BYTES} that a push may ` +
        'have; a message that has more fails as payloadTooLarge',
    }));
}

/** Counts the text that is written down; what expressions print comes on top. */
function lengthWarnings({ what }: WebPushDefinition): Fault[] {
  return webPushPlaces(what).flatMap(({ pointer, text }) => {
    const field = /\/(title|body)$/.exec(pointer)?.[1] as 'title' | 'body' | undefined;
    if (field === undefined || pointer.includes('/actions/') || pointer.includes('/data/')) return [];
    const length = graphemes(text.replace(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g, ''));
    const { all, widest } = displayLimits(field);
    if (length <= all) return [];
    const cut = length > widest ? 'browsers cut it' : 'some browsers cut it';
    return [{ pointer, detail: `has ${length} characters: ${cut} after about ${all} to ${widest}` }];
  });
}

function linkWarnings({ what }: WebPushDefinition): Fault[] {
  return webPushPlaces(what)
    .filter(({ kind, text }) => kind === 'page' && /^\s*http:/i.test(text))
    .map(({ pointer }) => ({ pointer, detail: 'leads to a page without encryption (http)' }));
}

/** A text of a variant stands over those of every language of the campaign. */
function languageWarnings({ what }: WebPushDefinition): Fault[] {
  const tags = Object.entries(what.languages ?? {});
  return (what.variants ?? []).flatMap(({ content }, i) =>
    (['title', 'body'] as const).flatMap((field) => {
      if (content[field] === undefined) return [];
      const own = new Set(Object.keys(content.languages ?? {}).map((tag) => tag.toLowerCase()));
      const missing = tags
        .filter(([tag, texts]) => texts[field] !== undefined && !own.has(tag.toLowerCase()))
        .map(([tag]) => tag);
      if (missing.length === 0) return [];
      const detail = `is shown in ${missing.join(', ')} too: the variant has no ${field} of its own there`;
      return [{ pointer: `/what/variants/${i}/content/${field}`, detail }];
    }),
  );
}

function safariWarnings({ what }: WebPushDefinition, site: KnownAccount['site']): Fault[] {
  if (!site?.safari) return [];
  const present = LEFT_OUT_BY_SAFARI.filter((field) => {
    const value =
      field === 'requireInteraction' ? what.requireInteraction : what[field as keyof WebPushTexts];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  });
  const leftOut = present.map((field) => ({
    pointer: `/what/${field}`,
    detail: "is left out by Safari's website push",
  }));
  return [
    ...leftOut,
    ...winnerWarnings(what),
    ...safariLinkWarnings(what, site.safari),
    ...safariSizeWarnings(what, site.safari),
  ];
}

/** A winner by what some devices never report. */
function winnerWarnings({ winner }: WebPushContent): Fault[] {
  if (winner?.by !== 'viewed') return [];
  const detail = "leaves out what goes to Safari's website push alone, which does not report views";
  return [{ pointer: '/what/winner/by', detail }];
}

/** By what is written down: values make it longer, and a body is cut where it does not fit. */
function safariSizeWarnings(what: WebPushContent, safari: SafariSettings): Fault[] {
  return certainTitles(what).flatMap(({ pointer, title, url }) => {
    // A link of another host is told of by itself; here it is as long as it is.
    const made = safariPreview({ title, url: URL.canParse(url) ? url : safari.allowedDomains[0] }, safari);
    if (made.kind !== 'rejected' || made.reason !== 'payloadTooLarge') return [];
    return [{ pointer, detail: `${made.detail}: Safari's website push fails as payloadTooLarge` }];
  });
}

/** Of links whose host is written down; the others are judged when they are rendered. */
function safariLinkWarnings(what: WebPushContent, safari: SafariSettings): Fault[] {
  return webPushPlaces(what).flatMap(({ pointer, text }) => {
    const fixed = text.replace(/\{[{%][\s\S]*$/, '').trim();
    if (!pointer.endsWith('/url') || pointer.includes('/actions/') || !URL.canParse(fixed)) return [];
    const fault = safariLinkFault(fixed, safari);
    return fault === null ? [] : [{ pointer, detail: fault.detail }];
  });
}
