import { z } from 'zod';
import { PROBLEMS } from '../http/problem.ts';
import type { Route } from '../http/route.ts';

/** @returns the OpenAPI 3.1 document of the routes, from the same schemas that check each call */
export function openApiDocument(routes: Route[], version: string): Record<string, unknown> {
  const components: Record<string, unknown> = {};
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(route, components) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Beckon',
      version,
      description:
        'Campaigns (who, when, what) as durable workflows. Send `Authorization: Bearer <key>`. Every mutating call takes ' +
        '`Idempotency-Key`. Errors are problem documents (RFC 9457) with a stable `code`.',
    },
    paths,
    components: {
      schemas: { ...components, Problem: problemSchema },
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer' },
        ApplePushNotifications: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: '`ApplePushNotifications <authenticationToken>`, with the token of the push package',
        },
      } satisfies Record<'key' | NonNullable<Route['scheme']>, object>,
    },
  };
}

const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(PROBLEMS) },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      description: 'Every fault at once',
      items: {
        type: 'object',
        properties: {
          pointer: { type: 'string', description: 'JSON pointer into the body' },
          detail: { type: 'string' },
        },
      },
    },
  },
};

function operation(route: Route, components: Record<string, unknown>): Record<string, unknown> {
  const responses: Record<string, unknown> = {
    default: {
      description: 'A problem',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  };
  for (const [status, answer] of Object.entries(route.answers)) {
    responses[status] = {
      description: answer.description,
      ...contentOf(answer, components),
    };
  }
  const parameters = [
    ...parametersOf(route.params, 'path', components),
    ...parametersOf(route.query, 'query', components),
    ...(route.access === 'key' && route.method !== 'get' && !route.stream
      ? [
          {
            name: 'Idempotency-Key',
            in: 'header',
            required: false,
            schema: { type: 'string', maxLength: 200 },
          },
        ]
      : []),
  ];
  return {
    tags: [route.tag],
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    ...(route.access === 'key' ? { security: [{ key: [] }] } : {}),
    ...(route.scheme === undefined ? {} : { security: [{ [route.scheme]: [] }] }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body
      ? {
          requestBody: {
            required: !route.body.safeParse(undefined).success,
            content: {
              'application/json': {
                schema: schemaOf(route.body, components, 'input'),
                ...(route.examples ? { examples: route.examples } : {}),
              },
            },
          },
        }
      : {}),
    ...(route.stream
      ? {
          requestBody: {
            required: true,
            description: route.stream.description,
            content: { [route.stream.type]: { schema: { type: 'string' }, example: route.stream.example } },
          },
        }
      : {}),
    responses,
  };
}

/** @returns the media type of an answer and what it holds: nothing more is said of bytes */
function contentOf({ schema, type }: Route['answers'][number], components: Record<string, unknown>): object {
  if (!schema && type === undefined) return {};
  return {
    content: {
      [type ?? 'application/json']: schema ? { schema: schemaOf(schema, components, 'output') } : {},
    },
  };
}

function parametersOf(
  schema: z.ZodObject | undefined,
  place: string,
  components: Record<string, unknown>,
): object[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, components, 'input') as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description ? { description } : {}),
    schema: rest,
  }));
}

/** A schema as JSON Schema, with what has an id moved to the components. */
function schemaOf(schema: z.ZodType, components: Record<string, unknown>, io: 'input' | 'output'): object {
  const {
    $schema: _schema,
    $defs,
    ...json
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    reused: 'inline',
  }) as Record<string, unknown>;
  const own = (json as { id?: string }).id;
  for (const [name, value] of Object.entries(($defs ?? {}) as Record<string, object>)) {
    components[name] = relocate(value);
  }
  const moved = relocate(json) as Record<string, unknown>;
  if (own === undefined) return moved;
  components[own] = moved;
  return { $ref: `#/components/schemas/${own}` };
}

function relocate(value: unknown): object {
  const text = JSON.stringify(value, (key, part: unknown) => {
    if (key === 'id' && typeof part === 'string') return undefined;
    return isSchema(part) ? readable(part) : part;
  });
  return JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as object;
}

function isSchema(part: unknown): part is Record<string, unknown> {
  return typeof part === 'object' && part !== null && !Array.isArray(part) && 'type' in part;
}

/** Leaves out what only a machine made: patterns that the format says already, bounds of every integer. */
function readable(schema: Record<string, unknown>): Record<string, unknown> {
  const { pattern, allOf, minimum, maximum, ...rest } = schema;
  const kept: Record<string, unknown> = { ...rest };
  const plain = typeof pattern === 'string' && schema.format === undefined && !UNREADABLE.test(pattern);
  if (plain) kept.pattern = pattern;
  if (minimum !== undefined && minimum !== Number.MIN_SAFE_INTEGER) kept.minimum = minimum;
  if (maximum !== undefined && maximum !== Number.MAX_SAFE_INTEGER) kept.maximum = maximum;
  // Several patterns of one text: none of them reads well.
  if (Array.isArray(allOf) && !allOf.every((one) => isPatternOnly(one))) kept.allOf = allOf;
  return kept;
}

const UNREADABLE = /\\p\{|\\P\{|\\u0000/;

function isPatternOnly(part: unknown): boolean {
  return typeof part === 'object' && part !== null && Object.keys(part).every((key) => key === 'pattern');
}
