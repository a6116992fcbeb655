import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Answer } from './api-client.ts';
import { ADMIN_KEY, type TestStack } from './stack.ts';

/** Uploads members of a list in a body that is made as it is read, no faster than it is taken. */
export async function streamMembers(
  stack: TestStack,
  id: string,
  chunks: AsyncIterable<string>,
): Promise<Answer> {
  const call = request(`${stack.client.url}/v1/lists/${id}/members`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'text/csv; charset=utf-8' },
  });
  const answered = once(call, 'response') as Promise<[IncomingMessage]>;
  await Promise.all([pipeline(Readable.from(encoded(chunks)), call), answered]);
  const [answer] = await answered;
  const headers = new Headers({ 'content-type': answer.headers['content-type'] ?? '' });
  return { status: answer.statusCode ?? 0, headers, body: JSON.parse(await text(answer)) };
}

async function* encoded(chunks: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

/** Makes identities `<prefix><n>` known, from 0 up to a number. */
export async function knowIdentities(stack: TestStack, prefix: string, many: number): Promise<void> {
  for (let i = 0; i < many; i += 10_000) {
    const docs = Array.from({ length: Math.min(10_000, many - i) }, (_, n) => ({
      _id: `${prefix}${i + n}` as never,
      profileId: `${prefix}${i + n}`.padStart(24, '0'),
    }));
    await stack.db.collection('identities').insertMany(docs, { ordered: false });
  }
}
