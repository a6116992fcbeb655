import type { BenchDatabase } from './database.ts';
import { EVENT_NAMES } from './population.ts';

const IDS_AT_ONCE = 5_000;
const NAMES = [EVENT_NAMES[0], EVENT_NAMES[4]];
const TIMES = [1, 2, 3];

/** @returns whether segments hold, since an instant, for exactly those of the profiles whose stored events say so */
export async function foldedAsStored(
  { connection, repositories }: BenchDatabase,
  profileIds: string[],
  since: Date,
): Promise<boolean> {
  for (const name of NAMES) {
    const stored = await countsOf(name);
    for (const least of TIMES) {
      const after = new Date(since.getTime() - 1).toISOString();
      const segment = { did: { event: name, count: { gte: least }, after } };
      const held = await repositories.audience.members(segment, profileIds, Date.now());
      const wanted = profileIds.filter((id) => (stored.get(id) ?? 0) >= least);
      if (held.size !== wanted.length || wanted.some((id) => !held.has(id))) return false;
    }
  }
  return true;

  async function countsOf(name: string): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (let i = 0; i < profileIds.length; i += IDS_AT_ONCE) {
      const among = { $in: profileIds.slice(i, i + IDS_AT_ONCE) };
      const rows = await connection
        .collection('events')
        .aggregate<{ _id: string; n: number }>([
          { $match: { profileId: among, name, time: { $gte: since } } },
          { $group: { _id: '$profileId', n: { $sum: 1 } } },
        ])
        .toArray();
      for (const { _id, n } of rows) counts.set(_id, n);
    }
    return counts;
  }
}
