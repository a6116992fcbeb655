import { z } from 'zod';
import type { KnownProperty } from '../../domain/ports/properties.ts';
import type { ApiDeps } from '../deps.ts';
import { text } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';

const MOST_NAMES = 500;

const property = z
  .object({
    name: z.string().describe('Nested ones by their path, such as address.city'),
    path: z
      .array(z.string())
      .describe('The names that lead to it; more than one is a nested property, a dot in one is a dot'),
    types: z.array(z.enum(['string', 'number', 'boolean', 'date', 'array', 'object'])),
    examples: z
      .array(z.unknown())
      .describe('Up to three values, cut to 80 characters; what may be about one person alone is masked'),
  })
  .meta({ id: 'KnownProperty' });

function propertyView({ name, path, types, examples }: KnownProperty): object {
  return { name, path, types, examples };
}

/** `GET /v1/properties`: which properties profiles and events have, for an editor to offer. */
export function propertyRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/properties',
      tag: 'Properties',
      summary: 'Known properties',
      description:
        'The properties of profiles, and of the events of one name when it is given; and the names of events. Learned ' +
        'from a sample of what is stored, the latest first, and kept for a minute: one that few have may be missing.',
      access: 'key',
      query: z.strictObject({
        event: text(128).optional().describe('The name of the event whose properties are wanted'),
      }),
      answers: {
        200: {
          description: 'What is known',
          schema: z
            .object({
              profile: z.array(property).describe('What `profile.*` may name'),
              event: z
                .object({ name: z.string(), properties: z.array(property) })
                .nullable()
                .describe('What `event.*` may name; null when no event was asked for'),
              events: z.array(z.string()).describe('Names of events, those of the latest ones first'),
            })
            .meta({ id: 'KnownProperties' }),
        },
      },
      async handle({ query }) {
        const [profile, events, ofEvent] = await Promise.all([
          deps.properties.ofProfiles(),
          deps.properties.eventNames(MOST_NAMES),
          query.event === undefined ? null : deps.properties.ofEvent(query.event),
        ]);
        if (profile === null || events === null || (query.event !== undefined && ofEvent === null))
          throw new Problem(
            'unavailable',
            'which properties there are could not be looked up in time; try again',
          );
        const event = ofEvent === null ? null : { name: query.event, properties: ofEvent.map(propertyView) };
        return { status: 200, body: { profile: profile.map(propertyView), event, events } };
      },
    }),
  ];
}
