import type { BenchDatabase } from './database.ts';
import type { Answer } from './plain.ts';
import { QUESTIONS, type Question } from './questions.ts';
import { median, printTable, say, seconds, timed, type Verdict } from './report.ts';

const ESTIMATES = 11;
const PLAIN_RUNS = 3;

/** What one question took, on one size of data. */
export interface Asked {
  title: string;
  question: Question;
  answer: Answer;
  same: boolean;
  median: number;
  most: number;
  plain: number;
}

/** Asks every question warm, both ways, and those about a property once more when it is promoted. */
export async function askAll(database: BenchDatabase, nowMs: number): Promise<Asked[]> {
  const { promoted } = database.repositories;
  const asked: Asked[] = [];
  for (const property of await promoted.list()) await promoted.demote(property);
  for (const question of QUESTIONS) {
    asked.push(await ask(database, nowMs, question, question.title));
    if (question.promotes === undefined) continue;
    const { seconds: took } = await timed(() => promoted.promote(question.promotes!));
    say(`  promoted ${question.promotes.event}.${question.promotes.property} in ${seconds(took)}`);
    asked.push(await ask(database, nowMs, question, `${question.title}, promoted`));
    await promoted.demote(question.promotes);
  }
  return asked;
}

async function ask(
  { connection, repositories }: BenchDatabase,
  nowMs: number,
  question: Question,
  title: string,
): Promise<Asked> {
  const segment = question.segment(nowMs);
  const estimate = async (): Promise<Answer> => {
    const { qualified, reachable } = await repositories.audience.estimate(segment, { nowMs });
    return { qualified, webPush: reachable.webPush };
  };
  const answer = await estimate();
  const plainAnswer = await question.plain(connection, nowMs);
  const took = await secondsOf(ESTIMATES, estimate);
  const plain = median(await secondsOf(PLAIN_RUNS, () => question.plain(connection, nowMs)));
  const same = answer.qualified === plainAnswer.qualified && answer.webPush === plainAnswer.webPush;
  say(`  ${title}: ${seconds(median(took))}, plain ${seconds(plain)}`);
  if (!same) say(`  DIFFERENT ANSWERS: ${JSON.stringify(answer)} and plain ${JSON.stringify(plainAnswer)}`);
  return { title, question, answer, same, median: median(took), most: Math.max(...took), plain };
}

async function secondsOf(times: number, work: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < times; i += 1) all.push((await timed(work)).seconds);
  return all;
}

/** Prints both sizes side by side. */
export function printAnswers(small: Asked[], large: Asked[]): void {
  const head = ['question', 'qualified', 'reachable', 'a tenth', 'median', 'most', 'grows', 'plain', 'ratio'];
  const rows = large.map((one, i) => {
    const tenth = small[i]?.median ?? Number.NaN;
    return [
      one.title,
      one.answer.qualified.toLocaleString('en'),
      one.answer.webPush.toLocaleString('en'),
      seconds(tenth),
      seconds(one.median),
      seconds(one.most),
      `${(one.median / tenth).toFixed(1)}x`,
      seconds(one.plain),
      `${ratioOf(one).toFixed(1)}x`,
    ];
  });
  printTable([head, ...rows]);
}

/** @returns how many times faster than plain */
function ratioOf(asked: Asked): number {
  return asked.plain / asked.median;
}

export function verdictsOf(asked: Asked[]): Verdict[] {
  return asked.flatMap((one) => {
    const { ratio, mostSeconds } = one.question;
    const verdicts = [
      { target: `${one.title}: the same answer as plain`, met: one.same, measured: one.same ? 'yes' : 'NO' },
      {
        target: `${one.title}: median below ${mostSeconds} s`,
        met: one.median < mostSeconds,
        measured: seconds(one.median),
      },
    ];
    const measured = `${ratioOf(one).toFixed(1)}x`;
    if (ratio !== undefined)
      verdicts.push({
        target: `${one.title}: at least ${ratio}x faster than plain`,
        met: ratioOf(one) >= ratio,
        measured,
      });
    return verdicts;
  });
}
