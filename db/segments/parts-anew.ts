import type { Collection } from 'mongoose';
import type { ProfileDoc } from '../profile-document.ts';
import { or } from './filter.ts';
import { PARTS, partOf } from './parts.ts';
import { searchFields } from './search-fields.ts';

/** What search fields are not made of, and may be long. */
const UNREAD = { q: 0, did: 0, traces: 0, spill: 0 } as const;

/**
 * Puts profiles into the part that they are of, with search fields made anew, where their documents have some of
 * another part, or none of their own: the population was divided otherwise once.
 */
export async function putIntoParts(profiles: Collection, ids: readonly string[]): Promise<void> {
  const astray = or(
    PARTS.map((part) => ({
      _id: { $in: ids.filter((id) => partOf(id) === part) },
      $or: PARTS.map((one) => ({ [`q.${one}`]: { $exists: one !== part } })),
    })),
  );
  for (;;) {
    const docs = (await profiles.find(astray, { projection: UNREAD }).toArray()) as unknown as ProfileDoc[];
    if (docs.length === 0) return;
    await profiles.bulkWrite(
      docs.map((doc) => {
        const part = partOf(doc._id);
        const q = { [part]: searchFields({ ...doc }, doc.properties) };
        // One that was changed meanwhile is found again.
        const filter = { _id: doc._id as never, updatedAt: doc.updatedAt };
        return { updateOne: { filter, update: { $set: { part, q } } } };
      }),
      { ordered: false },
    );
  }
}
