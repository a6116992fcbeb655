import type {
  AudienceKind,
  CampaignDefinition,
  WebhookDefinition,
  WebPushDefinition,
} from '../campaign/campaign.ts';
import { audienceKind } from '../campaign/campaign.ts';
import { webhookPlaces, webPushPlaces, type TextPlace } from './content-places.ts';
import { MAX_BATCH_WAIT_MS, MAX_DATA_KEYS, type ByLanguage, type WebPushTexts } from './content.ts';
import { parseDuration, parseWait } from '../schedule/duration.ts';
import { payloadFaults } from './payload-size.ts';
import { pointerPart } from '../pointer.ts';
import type { TemplateEngine } from '../ports/services.ts';
import type { Fault } from '../audience/segment.ts';
import { addressTemplateFault } from './template-output.ts';

/** @returns every text of a campaign that may hold expressions */
export function placesOf(definition: CampaignDefinition): TextPlace[] {
  return definition.channel === 'webPush' ? webPushPlaces(definition.what) : webhookPlaces(definition.what);
}

/** @returns what the content cannot mean, whatever is known of the account */
export function contentFaults(definition: CampaignDefinition): Fault[] {
  return definition.channel === 'webPush' ? webPushFaults(definition) : webhookFaults(definition);
}

/** @returns what keeps the texts of a campaign from being rendered */
export function templateFaults(definition: CampaignDefinition, templates: TemplateEngine): Fault[] {
  const kind = audienceKind(definition);
  return placesOf(definition).flatMap(({ pointer, text, kind: place }) => {
    const fault = templates.check(text);
    if (fault !== null) return [{ pointer, detail: fault }];
    const roots = new Set(templates.references(text).map(([root]) => root));
    return rootFaults(roots, kind, place).map((detail) => ({ pointer, detail }));
  });
}

/** @returns which contents can never fit into a push */
export function sizeFaults(definition: CampaignDefinition): Fault[] {
  return definition.channel === 'webPush' ? payloadFaults(definition.what) : [];
}

function rootFaults(roots: Set<string | undefined>, kind: AudienceKind, place: TextPlace['kind']): string[] {
  const faults: string[] = [];
  if (place === 'keyValue') {
    const personal = ['profile', 'event', 'data'].filter((root) => roots.has(root));
    if (personal.length === 0) return [];
    return [`names ${personal.join(' and ')}.…, and the pairs are the same for every profile of a request`];
  }
  if (roots.has('event') && kind === 'past')
    faults.push('names event.…, and a past-behaviour campaign has no event');
  if (roots.has('data') && kind !== 'api')
    faults.push('names data.…, which only the calls of an API-triggered campaign give');
  return faults;
}

function webPushFaults(definition: WebPushDefinition): Fault[] {
  const { what } = definition;
  return [
    ...webPushPlaces(what).flatMap(addressFaults),
    ...variantFaults(definition),
    ...dataFaults(what, '/what'),
    ...languageFaults(what.languages, '/what'),
    ...(what.variants ?? []).flatMap(({ content }, i) => [
      ...dataFaults(content, `/what/variants/${i}/content`),
      ...languageFaults(content.languages, `/what/variants/${i}/content`),
    ]),
  ];
}

function dataFaults({ data }: Partial<WebPushTexts>, pointer: string): Fault[] {
  if (Object.keys(data ?? {}).length <= MAX_DATA_KEYS) return [];
  return [{ pointer: `${pointer}/data`, detail: `must not have more than ${MAX_DATA_KEYS} keys` }];
}

function addressFaults({ pointer, text, kind }: TextPlace): Fault[] {
  if (kind !== 'page' && kind !== 'file') return [];
  const detail =
    kind === 'file' && /^\s*http:/i.test(text) ? 'must be an https URL' : addressTemplateFault(text);
  return detail === null ? [] : [{ pointer, detail }];
}

function variantFaults(definition: WebPushDefinition): Fault[] {
  const { variants = [], winner } = definition.what;
  const faults: Fault[] = [];
  const names = new Set<string>();
  variants.forEach(({ name }, i) => {
    if (names.has(name))
      faults.push({ pointer: `/what/variants/${i}/name`, detail: `is the name of another variant: ${name}` });
    names.add(name);
  });
  if (!winner) return faults;
  if (variants.length === 0)
    faults.push({ pointer: '/what/winner', detail: 'needs variants to choose from' });
  if ((parseDuration(winner.after) ?? 0) <= 0)
    faults.push({ pointer: '/what/winner/after', detail: 'must be more than nothing' });
  if (winner.sample !== undefined && audienceKind(definition) !== 'past') {
    const detail = 'is for past behaviour: only a run knows its audience beforehand';
    faults.push({ pointer: '/what/winner/sample', detail });
  }
  return faults;
}

function languageFaults(languages: ByLanguage | undefined, pointer: string): Fault[] {
  const seen = new Set<string>();
  return Object.entries(languages ?? {}).flatMap(([tag, texts]) => {
    const known = seen.has(tag.toLowerCase());
    seen.add(tag.toLowerCase());
    const at = `${pointer}/languages/${pointerPart(tag)}`;
    const twice = known ? [{ pointer: at, detail: 'is there already, in another case' }] : [];
    return [...twice, ...dataFaults(texts, at)];
  });
}

function webhookFaults(definition: WebhookDefinition): Fault[] {
  const { what } = definition;
  const faults: Fault[] = [];
  if (what.body !== undefined) {
    const ofStandard = ['fields', 'properties', 'keyValues'] as const;
    for (const field of ofStandard.filter((name) => what[name] !== undefined))
      faults.push({
        pointer: `/what/${field}`,
        detail: 'is of the standard payload, and body stands in its place',
      });
    if ((what.batch?.size ?? 1) > 1)
      faults.push({
        pointer: '/what/batch/size',
        detail: 'must be 1 with body: each message is a request of its own',
      });
  }
  for (const name of ['fields', 'required'] as const) {
    const chosen = what[name] ?? [];
    chosen.forEach((field, i) => {
      const pointer = `/what/${name}/${i}`;
      if (chosen.indexOf(field) !== i) faults.push({ pointer, detail: `is there already: ${field}` });
      else if (field === 'eventProperties' && audienceKind(definition) !== 'live')
        faults.push({ pointer, detail: 'is for live campaigns: no event fills the messages of this one' });
    });
  }
  if (what.properties !== undefined && what.fields && !what.fields.includes('profileData'))
    faults.push({
      pointer: '/what/properties',
      detail: 'are those of profileData, which is not among the fields',
    });
  if (what.batch?.maxWait !== undefined && (parseWait(what.batch.maxWait) ?? Infinity) > MAX_BATCH_WAIT_MS)
    faults.push({ pointer: '/what/batch/maxWait', detail: 'must be at most 5s' });
  return faults;
}
