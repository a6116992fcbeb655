import { randomUUID } from 'node:crypto';
import { mongo, type Connection } from 'mongoose';
import type { CountedEvent } from '../../domain/ports/audience.ts';
import { countedOf, type Counted } from './counted.ts';
import type { EventNames } from './event-names.ts';
import { FOLDED_AGAIN, REFUSED_BY_VALIDATOR } from './fold-count.ts';
import { partOf } from './parts.ts';
import { chunksIn, SPILL, spillDueOf, spillOver } from './spill.ts';
import { CLOSEST, TRACE_DIGITS, traceOf, tracesOf, traceStart } from './traces.ts';

/**
 * After so many changes a document's traces are written anew, those of the latest two alone: leaving the others
 * until then spares the index a removal each time.
 */
const TRACES_ANEW_EVERY = 16;
const PROFILES_PER_WRITE = 500;
const WRITES_AT_ONCE = 2;
const ENTRIES_PER_UPDATE = 5_000;
/** Of some 32 bytes each: a command may be 16 MB. */
const ENTRIES_PER_COMMAND = 100_000;
const ROUNDS = 3;

/** Events by profile, that are folded together. */
export interface Gathering {
  /** How many events. */
  readonly size: number;
  add(events: Counted): Promise<void>;
  /** Adds them to what is known of their profiles. Folding them again changes nothing. */
  fold(): Promise<void>;
}

export interface Folder {
  gather(): Gathering;
  /** Puts this in the place of all that is known of a profile. */
  replace(profiles: Map<string, CountedEvent[]>): Promise<void>;
}

/**
 * Folds events into the documents of their profiles. `did.<key>` is the set of entries, latest first, so that
 * its n-th place is the n-th latest event; `traces`, which is indexed, says about when the latest two of each name
 * were, and whose entries have left for `eventChunks`; `spill.<key>` is the greatest that has; `folds` counts the
 * changes of all that.
 */
export function createFolder(connection: Connection, names: EventNames): Folder {
  const profiles = connection.collection('profiles');
  const chunks = chunksIn(connection);

  /**
   * Reads, adds and writes back, which costs the server half of what updates that compute do; what somebody else
   * changes meanwhile makes it begin again. Where that happens too often, such updates follow.
   */
  async function add(grouped: Grouped): Promise<void> {
    const ids = [...grouped.keys()].sort();
    const groups = Array.from({ length: Math.ceil(ids.length / PROFILES_PER_WRITE) }, (_, i) =>
      ids.slice(i * PROFILES_PER_WRITE, (i + 1) * PROFILES_PER_WRITE),
    );
    // While the server writes one group, the next is made ready.
    const queue = groups.values();
    await Promise.all(
      Array.from({ length: WRITES_AT_ONCE }, async () => {
        for (const group of queue) await addTo(group, grouped);
      }),
    );
    await spillOver(profiles, chunks);
  }

  async function addTo(ids: string[], grouped: Grouped): Promise<void> {
    let left = ids;
    for (let round = 1; round <= ROUNDS && left.length > 0; round += 1) left = await addAsRead(left, grouped);
    if (left.length === 0) return;
    await profiles.bulkWrite(
      left.map((id) => ({
        updateOne: { filter: { _id: id as never }, update: addEntries(id, byKeyOf(grouped.get(id)!)) },
      })),
    );
  }

  /** @returns those of the profiles that somebody else changed meanwhile */
  async function addAsRead(ids: string[], grouped: Grouped): Promise<string[]> {
    const docs = (await profiles
      .find(
        { _id: { $in: ids as never[] } },
        { projection: { did: 1, spill: 1, folds: 1 }, batchSize: ids.length },
      )
      .toArray()) as unknown as FoldedDoc[];
    const refused: string[] = [];
    let changes: Change[] = [];
    let entries = 0;
    for (const doc of docs) {
      const change = added(doc, byKeyOf(grouped.get(doc._id)!));
      if (change === null) continue;
      if (entries + change.entries > ENTRIES_PER_COMMAND) {
        refused.push(...(await write(changes)));
        [changes, entries] = [[], 0];
      }
      changes.push(change);
      entries += change.entries;
    }
    return [...refused, ...(await write(changes))];
  }

  /** @returns the profiles whose changes were refused */
  async function write(changes: Change[]): Promise<string[]> {
    if (changes.length === 0) return [];
    // The command itself is not sent again by the driver, and so costs the server no note of each update.
    const answer = (await connection.db!.command({
      update: profiles.collectionName,
      updates: changes.map(({ id, update }) => ({ q: { _id: id }, u: update })),
      ordered: false,
      writeConcern: { w: 'majority' },
    })) as {
      writeErrors?: (mongo.ErrorDescription & { index: number })[];
      writeConcernError?: mongo.ErrorDescription;
    };
    const faults = answer.writeErrors ?? [];
    const fault = faults.find(({ code }) => code !== REFUSED_BY_VALIDATOR) ?? answer.writeConcernError;
    if (fault !== undefined) throw new mongo.MongoServerError(fault);
    return faults.map(({ index }) => changes[index]!.id);
  }

  /** In the place of what is there; very many entries go in parts, none of which makes a document too large. */
  async function put(grouped: Grouped): Promise<void> {
    const ofParts = [...grouped].map(([id, flat]) => ({ id, parts: inParts(byKeyOf(flat)) }));
    const most = Math.max(0, ...ofParts.map(({ parts }) => parts.length));
    for (let place = 0; place < most; place += 1) {
      await profiles.bulkWrite(
        ofParts.flatMap(({ id, parts }) => {
          const part = parts[place];
          if (part === undefined) return [];
          const update = place === 0 ? putEntries(id, part) : addEntries(id, part);
          return [{ updateOne: { filter: { _id: id as never }, update } }];
        }),
        { ordered: false },
      );
      await spillOver(profiles, chunks);
    }
  }

  function gatherInto(grouped: Grouped): Gathering {
    let size = 0;
    return {
      get size() {
        return size;
      },
      async add({ profileIds, names: named, entries }) {
        const keys = await names.register(named);
        size += entries.length;
        for (const [i, entry] of entries.entries()) {
          const key = keys.get(named[i]!);
          if (key === undefined) continue;
          const flat = grouped.get(profileIds[i]!);
          if (flat) flat.push(key, entry);
          else grouped.set(profileIds[i]!, [key, entry]);
        }
      },
      async fold() {
        if (grouped.size > 0) await add(grouped);
      },
    };
  }

  return {
    gather: () => gatherInto(new Map<string, string[]>()),
    async replace(byProfile) {
      const ids = [...byProfile.keys()];
      // Chunks go when others stand in their place: broken off in between, nothing is missing.
      const old = randomUUID();
      await chunks.updateMany({ profileId: { $in: ids } }, { $set: { old } });
      const grouped: Grouped = new Map<string, string[]>();
      await gatherInto(grouped).add(countedOf([...byProfile.values()].flat()));
      for (const id of ids) if (!grouped.has(id)) grouped.set(id, []);
      await put(grouped);
      await chunks.deleteMany({ profileId: { $in: ids }, old });
    },
  };
}

/** Profile → key of an event's name, entry, key, entry and so on. */
type Grouped = Map<string, string[]>;

/** Key of an event's name → entries. */
type EntriesByKey = Map<string, string[]>;

function byKeyOf(flat: readonly string[]): EntriesByKey {
  const byKey: EntriesByKey = new Map<string, string[]>();
  for (let i = 0; i < flat.length; i += 2) {
    const entries = byKey.get(flat[i]!);
    if (entries) entries.push(flat[i + 1]!);
    else byKey.set(flat[i]!, [flat[i + 1]!]);
  }
  return byKey;
}

interface FoldedDoc {
  _id: string;
  did?: Record<string, string[]>;
  spill?: Record<string, string>;
  folds?: number;
}

interface Change {
  id: string;
  update: object;
  /** How many it writes, those that were there included. */
  entries: number;
}

/** @returns the change that makes the document hold the entries; null when it holds them already */
function added(doc: FoldedDoc, byKey: EntriesByKey): Change | null {
  const $set: Record<string, unknown> = {};
  const part = partOf(doc._id);
  const did = doc.did ?? {};
  const traces: string[] = [];
  let written = 0;
  for (const [key, entries] of byKey) {
    const known = did[key] ?? [];
    const all = merged(known, entries);
    if (all.length === known.length) continue;
    did[key] = $set[`did.${key}`] = all;
    written += all.length;
    const trace = traceOf(part, key, all);
    if (known.length === 0 || trace !== traceOf(part, key, known)) traces.push(trace);
    if (all.length > SPILL.above) $set.spillDue = true;
  }
  if (Object.keys($set).length === 0) return null;
  const folds = (doc.folds ?? 0) + 1;
  $set.foldsWanted = folds;
  const change = { $set, $inc: { folds: 1 } };
  if (folds % TRACES_ANEW_EVERY === 0) $set.traces = tracesOf(part, did, doc.spill);
  else if (traces.length > 0) Object.assign(change, { $push: { traces: { $each: traces } } });
  return { id: doc._id, update: change, entries: written };
}

/** @param known latest first @returns both, each entry once, latest first */
function merged(known: string[], entries: string[]): string[] {
  const all = new Set(entries.length > 1 ? entries.sort().reverse() : entries);
  const [latest] = known;
  const areLater = latest === undefined || entries.every((entry) => entry > latest);
  for (const entry of known) all.add(entry);
  return areLater ? [...all] : [...all].sort().reverse();
}

/** Fields that took the place of traces once. */
const OF_OLD = ['t1', 't2'];

/** The whole of what is known of a profile, as one update. */
function putEntries(id: string, byKey: EntriesByKey): object {
  const did = Object.fromEntries(
    [...byKey].map(([key, entries]) => [key, [...new Set(entries)].sort().reverse()]),
  );
  const stages: object[] = [{ $unset: ['did', 'traces', 'spill', 'spillDue', ...OF_OLD] }];
  // Texts of entries begin with a digit or a letter, and names of fields are ours: nothing of it is an expression.
  if (byKey.size > 0) stages.push({ $set: { did, traces: tracesOf(partOf(id), did) } });
  if (Object.values(did).some((entries) => entries.length > SPILL.above))
    stages.push({ $set: { spillDue: true } });
  return [...stages, { $set: FOLDED_AGAIN }];
}

/** Very many entries go in several updates, none of which is large. */
function inParts(byKey: EntriesByKey): EntriesByKey[] {
  let most = 0;
  for (const entries of byKey.values()) most = Math.max(most, entries.length);
  if (most <= ENTRIES_PER_UPDATE) return [byKey];
  const parts: EntriesByKey[] = [];
  for (let i = 0; i < most; i += ENTRIES_PER_UPDATE) {
    const part = new Map<string, string[]>();
    for (const [key, entries] of byKey) {
      const slice = entries.slice(i, i + ENTRIES_PER_UPDATE);
      if (slice.length > 0) part.set(key, slice);
    }
    parts.push(part);
  }
  return parts;
}

/** An update that computes from the document as it stands. */
function addEntries(id: string, byKey: EntriesByKey): object[] {
  const sets: Record<string, object> = {};
  for (const [key, entries] of byKey) {
    const union = { $setUnion: [{ $ifNull: [`$did.${key}`, []] }, entries] };
    sets[`did.${key}`] = { $sortArray: { input: union, sortBy: -1 } };
  }
  const keys = [...byKey.keys()];
  const latest = keys.map((key) => latestTrace(id, key));
  const traces = { $concatArrays: [{ $ifNull: ['$traces', []] }, latest] };
  return [{ $set: sets }, { $set: { traces, spillDue: spillDueOf(keys), ...FOLDED_AGAIN } }];
}

/** A trace of the latest entry, as the document stands, of the class that lets every question through. */
function latestTrace(id: string, key: string): object {
  const latest = { $substrBytes: [{ $arrayElemAt: [`$did.${key}`, 0] }, 0, TRACE_DIGITS] };
  return { $concat: [`${traceStart(partOf(id), key)}${CLOSEST}`, latest] };
}
