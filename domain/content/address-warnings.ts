import type { CampaignDefinition } from '../campaign/campaign.ts';
import { webPushPlaces, type TextPlace } from './content-places.ts';
import type { KnownProperties } from './payload-size.ts';
import { ticks } from './render-budget.ts';
import type { TemplateEngine } from '../ports/services.ts';
import { sampleProperties } from './sample-properties.ts';
import type { Fault } from '../audience/segment.ts';
import { addressFault, FILE_SCHEMES, PAGE_SCHEMES } from './web-address.ts';

/** What stands for values that are not known, one after the other: a word, a number, an address. */
const NEUTRAL = ['x', 1, 'https://example.com/x'];
/** Advice that takes longer is not given. */
const MOST_TEXTS = 100;
const MOST_MS = 500;

/** @returns which addresses came out as none, whatever they were filled with */
export async function addressWarnings(
  definition: CampaignDefinition,
  templates: TemplateEngine,
  known: KnownProperties,
): Promise<Fault[]> {
  if (definition.channel !== 'webPush') return [];
  const places = webPushPlaces(definition.what).filter(
    ({ kind, text }) => (kind === 'page' || kind === 'file') && /\{[{%]/.test(text),
  );
  const untilMs = ticks() + MOST_MS;
  const warnings: Fault[] = [];
  for (const place of places.slice(0, MOST_TEXTS)) {
    if (ticks() > untilMs) break;
    const detail = templates.check(place.text) === null ? await faultOf(place, templates, known) : null;
    if (detail !== null) warnings.push({ pointer: place.pointer, detail });
  }
  return warnings;
}

/** @returns null as soon as it comes out well, or as nothing, which leaves it out */
async function faultOf(
  { text, kind }: TextPlace,
  templates: TemplateEngine,
  known: KnownProperties,
): Promise<string | null> {
  const schemes = kind === 'file' ? FILE_SCHEMES : PAGE_SCHEMES;
  const examples = {
    profile: sampleProperties(known.profile ?? []),
    event: sampleProperties(known.event ?? []),
  };
  let fault: string | null = null;
  for (const scope of [examples, {}].flatMap((from) => NEUTRAL.map((value) => filled(from, value)))) {
    const paths = templates.references(text);
    try {
      const address = (await templates.render(text, scope(paths), { escape: 'url' })).trim();
      fault = address === '' ? null : addressFault(address, schemes);
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    if (fault === null) return null;
  }
  return `is no address with any value that was tried, and the message fails as renderError: ${fault}`;
}

function filled(from: object, neutral: unknown): (paths: string[][]) => Record<string, unknown> {
  return (paths) => {
    const scope = structuredClone(from) as Record<string, unknown>;
    for (const path of paths) {
      let at = scope;
      for (const part of path.slice(0, -1)) {
        const next = Object.hasOwn(at, part) ? at[part] : undefined;
        if (typeof next === 'object' && next !== null) at = next as Record<string, unknown>;
        else {
          const made = {};
          Object.defineProperty(at, part, { value: made, ...OWN });
          at = made;
        }
      }
      const last = path.at(-1) ?? '';
      if (!Object.hasOwn(at, last)) Object.defineProperty(at, last, { value: neutral, ...OWN });
    }
    return scope;
  };
}

/** Also of `__proto__`, which is a name like others here. */
const OWN = { enumerable: true, writable: true, configurable: true };
