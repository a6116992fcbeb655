import { z } from 'zod';
import type { Profile } from '../../domain/profile.ts';
import type { ApiDeps } from '../deps.ts';
import {
  country,
  identity,
  json,
  language,
  pageOf,
  pageQuery,
  properties,
  text,
  timezone,
} from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';

const email = z
  .string()
  .max(320)
  .regex(/^[^\s@]+@[^\s@]+$/, 'must be an email address');

const profilePatch = z
  .strictObject({
    identity,
    email: email.nullable().optional(),
    name: text(256).nullable().optional(),
    timezone: timezone.nullable().optional(),
    language: language.nullable().optional(),
    country: country.nullable().optional(),
    testProfile: z.boolean().optional(),
    properties: properties.optional().describe('Merged into what is there; null removes a property'),
  })
  .meta({ id: 'ProfilePatch' });

const profileView = z
  .looseObject({
    objectId: z.string(),
    identity: z.string().optional(),
    email: z.string().optional(),
    name: z.string().optional(),
    timezone: z.string().optional(),
    language: z.string().optional(),
    country: z.string().optional(),
    testProfile: z.boolean(),
    properties: z.record(z.string(), json),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Profile' });

const MOST_PROFILES = 1_000;

/** `POST /v1/profiles`, and one profile by its identity. */
export function profileRoutes(deps: ApiDeps): Route[] {
  // Also the identity of an anonymous visitor, which only we give out.
  const params = z.strictObject({ identity: text(400) });
  return [
    defineRoute({
      method: 'post',
      path: '/v1/profiles',
      tag: 'Profiles',
      summary: 'Create or change profiles',
      description:
        'Creates or changes up to 1,000 profiles by identity, in order. All or, when there is a fault, none.',
      access: 'key',
      maxBody: 8 * 1024 * 1024,
      body: z.strictObject({
        profiles: z
          .array(profilePatch)
          .min(1, 'must hold at least one profile')
          .max(MOST_PROFILES, `must not hold more than ${MOST_PROFILES} profiles`),
      }),
      examples: {
        one: {
          summary: 'One profile',
          value: {
            profiles: [
              {
                identity: '42',
                name: 'Ada',
                timezone: 'Europe/Berlin',
                country: 'DE',
                properties: { plan: 'gold' },
              },
            ],
          },
        },
      },
      answers: {
        200: {
          description: 'The profiles, in the order given',
          schema: z.object({ profiles: z.array(z.object({ identity: z.string(), objectId: z.string() })) }),
        },
      },
      async handle({ body }) {
        const ids = await deps.profiles.upsertMany(body.profiles);
        const profiles = body.profiles.map((patch, i) => ({ identity: patch.identity, objectId: ids[i] }));
        return { status: 200, body: { profiles } };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/profiles',
      tag: 'Profiles',
      summary: 'List the test profiles',
      access: 'key',
      query: pageQuery.extend({
        testProfile: z.literal('true', { error: 'must be true: only test profiles are listed' }),
      }),
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(profileView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ query }) {
        const found = await deps.profiles.listTestProfiles(query.cursor ?? null, query.limit);
        return { status: 200, body: pageOf(found, query.limit, viewOf) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/profiles/:identity',
      tag: 'Profiles',
      summary: 'Read a profile',
      access: 'key',
      params,
      answers: { 200: { description: 'The profile', schema: profileView } },
      async handle({ params: { identity: wanted } }) {
        const profile = await findProfile(deps, wanted);
        if (!profile)
          throw new Problem('not_found', `there is no profile with the identity or objectId ${wanted}`);
        return { status: 200, body: viewOf(profile) };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/profiles/:identity',
      tag: 'Profiles',
      summary: 'Erase a person',
      description:
        'Erases the profile, its subscriptions, its events and its messages. This cannot be undone.',
      access: 'key',
      params,
      answers: { 204: { description: 'Erased' } },
      async handle({ params: { identity: wanted } }) {
        const profile = await findProfile(deps, wanted);
        const erased = profile !== null && (await deps.profiles.erase(profile.id));
        if (!erased)
          throw new Problem('not_found', `there is no profile with the identity or objectId ${wanted}`);
        return { status: 204 };
      },
    }),
  ];
}

/** By identity, else by our own id. */
async function findProfile(deps: ApiDeps, wanted: string): Promise<Profile | null> {
  return (
    (await deps.profiles.byIdentity(wanted)) ?? (await deps.profiles.byIds([wanted])).get(wanted) ?? null
  );
}

function viewOf({ id, ...rest }: Profile): object {
  return { objectId: id, ...rest };
}
