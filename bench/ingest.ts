import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startApiProcess } from './api-process.ts';
import { cpuSeconds } from './cpu.ts';
import { openDatabase, startServer, type BenchDatabase, type BenchServer } from './database.ts';
import { foldedAsStored } from './folded.ts';
import { generate } from './generate.ts';
import { profileIdOf, type Size } from './population.ts';
import { caughtUpAt, postAll, sessionBatches, uniformBatches, type Batches } from './post.ts';
import { createRandom } from './random.ts';
import { printTable, say, seconds, timed, type Verdict } from './report.ts';

const MOST_RATIO = 1.5;
/** Without and with the roll-up, in an order that cancels what drifts. */
const ORDER = [false, true, true, false];
/** Of the profiles: how many visit during a slice, and how many events a slice of anybody's has. */
const SESSION_SHARE = 1 / 20;
const UNIFORM_SHARE = 1 / 10;
const WARM_UP_EVENTS = 10_000;
const DATABASE = 'segment-large';

interface Slice {
  folds: boolean;
  batches: Batches;
}

/**
 * Posts to the API without and with the roll-up, on a copy of the data that is thrown away afterwards.
 * The time ends when all is stored, caught up and flushed to the disk.
 */
export async function benchIngest(folder: string, size: Size): Promise<Verdict[]> {
  await prepare(folder, size);
  const copy = join(folder, 'ingest');
  await rm(copy, { recursive: true, force: true });
  await cp(join(folder, 'mongodb'), join(copy, 'mongodb'), { recursive: true });
  try {
    const server = await startServer(copy);
    try {
      return await benchOn(server, size);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** The data must be there before it is copied. */
async function prepare(folder: string, size: Size): Promise<void> {
  const server = await startServer(folder);
  try {
    const database = await openDatabase(server.uri(DATABASE));
    await generate(database, size);
    await database.close();
  } finally {
    await server.stop();
  }
}

async function benchOn(server: BenchServer, size: Size): Promise<Verdict[]> {
  const uri = server.uri(DATABASE);
  const database = await openDatabase(uri);
  const random = createRandom(4);
  try {
    say('\nIngest: what the roll-up costs');
    await warm(database);
    const sessions = ORDER.map((folds, i): Slice => {
      const visitors = size.profiles * SESSION_SHARE;
      return { folds, batches: sessionBatches(random, i * visitors, visitors) };
    });
    const first = await compare('sessions', sessions, size);
    const uniform = ORDER.map((folds): Slice => {
      return { folds, batches: uniformBatches(random, size.profiles * UNIFORM_SHARE, size.profiles) };
    });
    const second = await compare('anybody', uniform, size);
    printTable([
      ['events by', 'without', 'with', 'a second without', 'with', 'ratio', 'CPU ratio'],
      first.row,
      second.row,
    ]);
    return [
      {
        target: `ingest of sessions with the roll-up caught up: at most ${MOST_RATIO} times the time`,
        met: first.ratio <= MOST_RATIO,
        measured: `${first.ratio.toFixed(2)}x`,
      },
      {
        target: 'ingest: the roll-up counts what is stored',
        met: first.right,
        measured: first.right ? 'yes' : 'NO',
      },
    ];
  } finally {
    await database.close();
  }

  async function compare(title: string, slices: Slice[], { profiles }: Size) {
    const took = { with: 0, without: 0 };
    const cpu = { with: 0, without: 0 };
    let events = 0;
    let right = true;
    for (const { folds, batches } of slices) {
      const warmUp = uniformBatches(random, WARM_UP_EVENTS, profiles);
      const slice = await runSlice(database, uri, folds, warmUp, batches);
      say(`  ${title} ${folds ? 'with' : 'without'}: ${batches.events} events, ${slice.text}`);
      took[folds ? 'with' : 'without'] += slice.seconds;
      cpu[folds ? 'with' : 'without'] += slice.cpu;
      if (folds) {
        events += batches.events;
        right &&= await foldedAsStored(database, [...batches.visitors].map(profileIdOf), slice.startedAt);
      }
    }
    const ratio = took.with / took.without;
    const rate = (time: number): string => Math.round(events / time).toLocaleString('en');
    const row = [
      `${title} (${events.toLocaleString('en')} each)`,
      seconds(took.without),
      seconds(took.with),
      rate(took.without),
      rate(took.with),
      `${ratio.toFixed(2)}x`,
      `${(cpu.with / cpu.without).toFixed(2)}x`,
    ];
    return { row, ratio, right };
  }
}

async function runSlice(
  { connection }: BenchDatabase,
  uri: string,
  folds: boolean,
  warmUp: Batches,
  batches: Batches,
): Promise<{ seconds: number; cpu: number; text: string; startedAt: Date }> {
  const flush = async (): Promise<void> => void (await connection.db?.admin().command({ fsync: 1 }));
  const api = await startApiProcess(uri, { folds });
  try {
    await postAll(api.url, warmUp);
    if (folds) await caughtUpAt(api.url);
    await flush();
    const startedAt = new Date();
    const cpuBefore = await cpuSeconds(connection, api.pid);
    const posted = await timed(() => postAll(api.url, batches));
    const caughtUp = await timed(() => (folds ? caughtUpAt(api.url) : Promise.resolve()));
    const flushed = await timed(flush);
    const cpu = (await cpuSeconds(connection, api.pid)) - cpuBefore;
    const text = `posted ${seconds(posted.seconds)}, caught up ${seconds(caughtUp.seconds)}, flushed ${seconds(flushed.seconds)}, CPU ${seconds(cpu)}`;
    return { cpu, seconds: posted.seconds + caughtUp.seconds + flushed.seconds, text, startedAt };
  } finally {
    await api.stop();
    // What was posted without the roll-up must not be folded by the next that has one.
    if (!folds) await connection.collection('foldMarks').deleteMany({});
  }
}

/** Reads what ingest touches into the storage engine's cache, as on a server that has run for a while. */
async function warm({ connection }: BenchDatabase): Promise<void> {
  for (const name of ['events', 'identities', 'profiles']) {
    const indexes = await connection.collection(name).indexes();
    for (const { key, partialFilterExpression, sparse } of indexes) {
      const wild = Object.keys(key).some((path) => path.includes('$**'));
      if (wild || sparse === true || partialFilterExpression !== undefined) continue;
      await connection.collection(name).countDocuments({}, { hint: key });
    }
  }
  await connection.collection('profiles').countDocuments({ createdAt: new Date(0) });
}
