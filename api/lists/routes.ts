import { z } from 'zod';
import type { CustomList } from '../../domain/ports/segments.ts';
import type { ApiDeps } from '../deps.ts';
import { id, pageOf, pageQuery, text } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { inUse } from '../segments/references.ts';
import { importMembers } from './import-members.ts';

const params = z.strictObject({ id });
const MOST_BYTES = 100_000_000;
const count = z.number().int();
const instantText = z.iso.datetime();
const listView = z
  .object({
    id,
    name: z.string(),
    size: count.describe('How many profiles are in it'),
    createdAt: instantText,
    updatedAt: instantText,
  })
  .meta({ id: 'CustomList' });

const reportView = z
  .object({
    rows: count.describe('Rows below the header'),
    added: count.describe('Profiles that were not in it before'),
    alreadyIn: count.describe('Profiles that were, those named twice included'),
    badRows: z.object({
      count,
      first: z
        .array(z.object({ row: count, value: z.string(), reason: z.string() }))
        .describe('The first 1,000; row is the line of the file, the header being 1'),
    }),
  })
  .meta({ id: 'ListImport' });

/** `/v1/lists`: audiences that were uploaded. */
export function listRoutes(deps: ApiDeps): Route[] {
  const mustFind = async (listId: string): Promise<CustomList> => {
    const list = await deps.lists.byId(listId);
    if (!list) throw new Problem('not_found', `there is no list ${listId}`);
    return list;
  };

  return [
    defineRoute({
      method: 'post',
      path: '/v1/lists',
      tag: 'Lists',
      summary: 'Create a list',
      access: 'key',
      body: z.strictObject({ name: text(200) }),
      examples: { list: { summary: 'An empty list', value: { name: 'Visitors of the fair' } } },
      answers: { 201: { description: 'The list, still empty', schema: listView } },
      async handle({ body, idOf }) {
        const list = await deps.lists.create({ id: idOf('list'), name: body.name });
        return { status: 201, body: list, headers: { Location: `/v1/lists/${list.id}` } };
      },
    }),
    defineRoute({
      method: 'put',
      path: '/v1/lists/:id/members',
      tag: 'Lists',
      summary: 'Add members from a CSV',
      description:
        'Adds everyone whom the rows name; nobody is taken out and no profile is made. A bad row is reported and does ' +
        'not stop the rest. What was added before an upload broke off stays, and sending it again is harmless, which ' +
        'is why this call takes no Idempotency-Key.',
      access: 'key',
      params,
      stream: {
        type: 'text/csv',
        maxBytes: MOST_BYTES,
        description:
          'UTF-8, separated by commas, up to 1,000,000 rows and 100 MB. The first row names the columns: exactly one of ' +
          'identity and email; others are ignored.',
        example: 'identity,name\n42,Ada\n43,"Lovelace, A."\n',
      },
      answers: { 200: { description: 'What became of the rows', schema: reportView } },
      async handle({ params: { id: listId }, stream }) {
        await mustFind(listId);
        return { status: 200, body: await importMembers(deps.lists, listId, stream) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/lists',
      tag: 'Lists',
      summary: 'List the lists',
      access: 'key',
      query: pageQuery,
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(listView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ query }) {
        const found = await deps.lists.list(query.cursor ?? null, query.limit);
        return { status: 200, body: pageOf(found, query.limit, (list) => list) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/lists/:id',
      tag: 'Lists',
      summary: 'Read a list',
      access: 'key',
      params,
      answers: { 200: { description: 'The list', schema: listView } },
      async handle({ params: { id: listId } }) {
        return { status: 200, body: await mustFind(listId) };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/lists/:id',
      tag: 'Lists',
      summary: 'Delete a list',
      description:
        'Answers `in_use`, with who uses it, while a saved segment refers to it or a campaign that is neither over nor archived.',
      access: 'key',
      params,
      answers: { 204: { description: 'Deleted' } },
      async handle({ params: { id: listId } }) {
        const outcome = await deps.lists.delete(listId);
        if (outcome === null) throw new Problem('not_found', `there is no list ${listId}`);
        if (outcome !== 'deleted') throw inUse('the list', outcome);
        return { status: 204 };
      },
    }),
  ];
}
