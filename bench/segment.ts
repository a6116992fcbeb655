import { resolve } from 'node:path';
import { lockDataDir } from '../embedded/data-dir-lock.ts';
import { askAll, printAnswers, verdictsOf } from './ask.ts';
import { openDatabase, startServer } from './database.ts';
import { generate } from './generate.ts';
import { benchIngest } from './ingest.ts';
import type { Size } from './population.ts';
import { printVerdicts, say, type Verdict } from './report.ts';

const FOLDER = resolve(import.meta.dirname, '..', '.beckon', 'bench');
const SMALL: Size = { profiles: 100_000, events: 1_000_000 };
const LARGE: Size = { profiles: 1_000_000, events: 10_000_000 };

/**
 * Measures segments and what they cost ingest.
 *
 * @param options `questions` or `ingest` for one half only
 * @returns whether every target was met
 */
export async function benchSegments(options: string[]): Promise<boolean> {
  const wants = (part: string): boolean => options.length === 0 || options.includes(part);
  const lock = await lockDataDir(FOLDER);
  const verdicts: Verdict[] = [];
  try {
    if (wants('questions')) verdicts.push(...(await benchQuestions()));
    if (wants('ingest')) verdicts.push(...(await benchIngest(FOLDER, LARGE)));
  } finally {
    await lock.release();
  }
  say('\nTargets');
  return printVerdicts(verdicts);
}

async function benchQuestions(): Promise<Verdict[]> {
  const server = await startServer(FOLDER);
  try {
    const [small, large] = [await ask('small', SMALL), await ask('large', LARGE)];
    say('');
    printAnswers(small, large);
    return verdictsOf(large);
  } finally {
    await server.stop();
  }

  async function ask(name: string, size: Size) {
    say(`\n${size.profiles.toLocaleString('en')} profiles, ${size.events.toLocaleString('en')} events`);
    const database = await openDatabase(server.uri(`segment-${name}`));
    try {
      return await askAll(database, await generate(database, size));
    } finally {
      await database.close();
    }
  }
}
