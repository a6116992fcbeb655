import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../workflows/contract.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const keyword = 2;
const visibleMs = 30_000;

/**
 * Makes sure that the namespace has Beckon's search attributes, and waits until a query may name them.
 * Harmless when they are there already, and when two processes do it at once.
 *
 * @throws {Error} when one exists with another type, or when the server does not let us register them; the
 *   message then says which to register by hand.
 */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const present = await listCustom(connection, namespace);
  const wrong = SEARCH_ATTRIBUTES.filter((name) => present[name] !== undefined && present[name] !== keyword);
  if (wrong.length > 0) {
    throw new Error(`Temporal has the search attributes ${wrong.join(', ')} with a type other than Keyword.`);
  }
  const missing = SEARCH_ATTRIBUTES.filter((name) => present[name] === undefined);
  if (missing.length > 0) await register(connection, namespace, missing);
  await untilQueryable(connection, namespace);
}

async function listCustom(connection: Connection, namespace: string): Promise<Record<string, number>> {
  try {
    const answer = await connection.operatorService.listSearchAttributes({ namespace });
    return answer.customAttributes ?? {};
  } catch (error) {
    throw new Error(`Temporal does not list the search attributes of ${namespace}: ${byHand(error)}`, {
      cause: error,
    });
  }
}

async function register(connection: Connection, namespace: string, names: readonly string[]): Promise<void> {
  const searchAttributes = Object.fromEntries(names.map((name) => [name, keyword]));
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (error) {
    // Another instance may have been faster.
    const present = await listCustom(connection, namespace);
    if (names.every((name) => present[name] === keyword)) return;
    throw new Error(`Temporal does not take the search attributes: ${byHand(error)}`, { cause: error });
  }
}

/** A server learns of new attributes with a delay; until then it refuses workflows that carry them. */
async function untilQueryable(connection: Connection, namespace: string): Promise<void> {
  const query = SEARCH_ATTRIBUTES.map((name) => `${name} = 'x'`).join(' AND ');
  const deadline = Date.now() + visibleMs;
  for (;;) {
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace, query });
      return;
    } catch (error) {
      if (Date.now() > deadline) {
        throw new Error(`Temporal does not know the new search attributes after ${visibleMs / 1000} s.`, {
          cause: error,
        });
      }
      await delay(200);
    }
  }
}

function byHand(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `${reason}. Register these by hand, each of type Keyword: ${SEARCH_ATTRIBUTES.join(', ')}.`;
}
