import type { CampaignDefinition } from '../../domain/campaign/campaign.ts';
import { sampleProperties } from '../../domain/content/sample-properties.ts';
import type { Profile } from '../../domain/profile.ts';
import type { ApiDeps } from '../deps.ts';

type SampleDeps = Pick<ApiDeps, 'properties'>;

/** @returns a profile that is nobody, made of known values */
export async function sampleProfile(deps: SampleDeps): Promise<Profile> {
  const known = (await deps.properties.ofProfiles().catch(() => null)) ?? [];
  const { name, language, country, timezone, email, identity, ...rest } = sampleProperties(known);
  // A sample is no test profile, and its id is its own.
  const { testProfile: _test, objectId: _id, ...properties } = rest;
  const text = (value: unknown, otherwise: string): string =>
    typeof value === 'string' && value !== '' ? value : otherwise;
  return sampleOf({
    name: text(name, 'Alex'),
    identity: text(identity, 'sample'),
    email: text(email, 'alex@example.com'),
    language: typeof language === 'string' ? language : undefined,
    country: typeof country === 'string' ? country : undefined,
    timezone: typeof timezone === 'string' ? timezone : undefined,
    properties,
  });
}

/** @returns a profile that is nobody, with these fields */
export function sampleOf(fields: Omit<Profile, 'id' | 'testProfile' | 'createdAt' | 'updatedAt'>): Profile {
  const then = new Date(0);
  return { ...fields, id: SAMPLE_ID, testProfile: false, createdAt: then, updatedAt: then };
}

/** @returns whether a profile is nobody */
export function isSample({ id }: Pick<Profile, 'id'>): boolean {
  return id === SAMPLE_ID;
}

const SAMPLE_ID = '000000000000000000000000';

/** @returns known properties of the event that opens a live campaign; undefined for the others */
export async function sampleEvent(
  deps: SampleDeps,
  { who }: Pick<CampaignDefinition, 'who'>,
): Promise<Record<string, unknown> | undefined> {
  if (!('live' in who)) return undefined;
  return sampleProperties((await deps.properties.ofEvent(who.live.event).catch(() => null)) ?? []);
}

/**
 * What calls will give is not known: each required name stands for its value.
 *
 * @returns data of an API-triggered campaign; undefined for the others
 */
export function sampleData({ who }: Pick<CampaignDefinition, 'who'>): Record<string, unknown> | undefined {
  if (!('api' in who)) return undefined;
  return Object.fromEntries((who.api.requiredData ?? []).map((name) => [name, name]));
}
