import { Schema, type ClientSession, type Connection } from 'mongoose';
import type { ProfilePatch, ProfileRepository } from '../domain/ports/people.ts';
import { eraseCapped } from './caps.ts';
import { newId } from './ids.ts';
import { leaveLists } from './lists.ts';
import { PROFILE_PROJECTION, toProfile, type ProfileDoc } from './profile-document.ts';
import { FOLDS_VALIDATOR } from './segments/fold-count.ts';
import { partOf } from './segments/parts.ts';
import { searchFields } from './segments/search-fields.ts';

interface IdentityDoc {
  _id: string;
  profileId: string;
}

const FIELDS = ['email', 'name', 'timezone', 'language', 'country'] as const;

/** `_id` is our objectId, so that runs page by it. */
const profileSchema = new Schema<ProfileDoc>(
  {
    _id: { type: String, required: true },
    identity: String,
    email: String,
    name: String,
    timezone: String,
    language: String,
    country: String,
    testProfile: { type: Boolean, default: false },
    properties: { type: Schema.Types.Mixed, default: {} },
    part: String,
    folds: Number,
    foldsWanted: Number,
    q: Schema.Types.Mixed,
    did: Schema.Types.Mixed,
    traces: { type: [String], default: undefined },
    spill: Schema.Types.Mixed,
    spillDue: Boolean,
    pushSites: [String],
    reachVersion: Number,
    seenAt: Date,
    createdAt: Date,
    updatedAt: Date,
  },
  {
    collection: 'profiles',
    versionKey: false,
    minimize: false,
    collectionOptions: { validator: FOLDS_VALIDATOR },
  },
);
// Segments: a part of the population, when no other index helps.
profileSchema.index({ part: 1, _id: 1 });
// Segments: conditions on any property.
profileSchema.index({ 'q.$**': 1 }, { name: 'search' });
// Segments: whoever did something, once or at least twice, since an instant; and whose entries have left.
profileSchema.index({ traces: 1 }, { sparse: true, name: 'traces' });
// Documents that hold too many entries; a handful at a time.
profileSchema.index({ spillDue: 1 }, { partialFilterExpression: { spillDue: true }, name: 'spillDue' });
// Lists are uploaded by email.
profileSchema.index({ email: 1 }, { sparse: true });

// The list of test profiles: a handful among millions.
profileSchema.index(
  { testProfile: 1, _id: 1 },
  { partialFilterExpression: { testProfile: true }, name: 'testProfiles' },
);

/** Identities in a collection of their own: `_id` makes them unique, also when profiles are sharded by id. */
const identitySchema = new Schema<IdentityDoc>(
  { _id: { type: String, required: true }, profileId: { type: String, required: true } },
  { collection: 'identities', versionKey: false },
);
// Erasing a profile finds its identities.
identitySchema.index({ profileId: 1 });

/** Collections that name a profile in `profileId`, emptied of it when it is erased. */
const NAMES_PROFILE = ['subscriptions', 'events', 'eventChunks', 'messages', 'limits', 'turns'];
/** Longer than any call can take that had read an identity before it was erased. */
const LEFTOVER_MS = 10 * 60_000;
const ERASE_ROUNDS = 5;
const SHOWN = { projection: PROFILE_PROJECTION };

/** Profiles that were erased a moment ago: what was being written about them goes as well. */
const erasureSchema = new Schema<{ _id: string; at: Date }>(
  { _id: { type: String, required: true }, at: { type: Date, required: true } },
  { collection: 'erasures', versionKey: false },
);

export function createProfileRepository(connection: Connection): ProfileRepository {
  const profiles = connection.model<ProfileDoc>('Profile', profileSchema).collection;
  const identities = connection.model<IdentityDoc>('Identity', identitySchema).collection;
  const erasures = connection.model<{ _id: string; at: Date }>('Erasure', erasureSchema).collection;

  async function resolveIdentities(wanted: string[]): Promise<Map<string, string>> {
    const unique = [...new Set(wanted)];
    const found = await readIdentities(unique);
    const missing = unique.filter((identity) => !found.has(identity));
    if (missing.length > 0) {
      // Both or neither: an identity without its profile would swallow what is posted for it.
      await connection.transaction(async (session) => {
        await identities.bulkWrite(
          missing.map((identity) => ({
            updateOne: {
              filter: { _id: identity as never },
              update: { $setOnInsert: { profileId: newId() } },
              upsert: true,
            },
          })),
          { ordered: false, session },
        );
        const made = await readIdentities(missing, session);
        await profiles.bulkWrite(
          [...made].map(([identity, id]) => ({
            updateOne: {
              filter: { _id: id as never },
              update: mergePipeline(id, { identity }),
              upsert: true,
            },
          })),
          { ordered: false, session },
        );
        for (const [identity, id] of made) found.set(identity, id);
      });
    }
    return found;
  }

  async function readIdentities(wanted: string[], session?: ClientSession): Promise<Map<string, string>> {
    if (wanted.length === 0) return new Map();
    const docs = await identities
      .find({ _id: { $in: wanted as never[] } }, session ? { session } : {})
      .toArray();
    return new Map(docs.map((doc) => [String(doc._id), doc.profileId as string]));
  }

  async function eraseWhatNames(profileId: string): Promise<void> {
    await leaveLists(connection, profileId);
    await eraseCapped(connection, profileId);
    for (const name of NAMES_PROFILE) await connection.collection(name).deleteMany({ profileId });
  }

  return {
    resolveIdentities,

    async upsertMany(patches) {
      for (let round = 0; ; round += 1) {
        const ids = await resolveIdentities(patches.map((patch) => patch.identity));
        const idOf = (patch: ProfilePatch): string => ids.get(patch.identity) ?? '';
        // Never an upsert: a profile that is erased meanwhile must not come back under its old id.
        const answer = await profiles.bulkWrite(
          patches.map((patch) => ({
            updateOne: { filter: { _id: idOf(patch) as never }, update: mergePipeline(idOf(patch), patch) },
          })),
          { ordered: true },
        );
        if (answer.matchedCount === patches.length) return patches.map(idOf);
        if (round >= ERASE_ROUNDS) throw new Error('profiles are erased as fast as they are written');
      }
    },

    async existing(wanted) {
      const docs = await profiles
        .find({ _id: { $in: wanted as never[] } }, { projection: { _id: 1 } })
        .toArray();
      return new Set(docs.map((doc) => String(doc._id)));
    },

    async byIdentity(identity) {
      const doc = await identities.findOne({ _id: identity as never });
      if (!doc) return null;
      const profile = await profiles.findOne({ _id: doc.profileId as never }, SHOWN);
      return profile ? toProfile(profile as unknown as ProfileDoc) : null;
    },

    async byIds(wanted) {
      const docs = await profiles.find({ _id: { $in: wanted as never[] } }, SHOWN).toArray();
      return new Map(docs.map((doc) => [String(doc._id), toProfile(doc as unknown as ProfileDoc)]));
    },

    async listTestProfiles(after, limit) {
      const docs = await profiles
        .find({ testProfile: true, ...(after === null ? {} : { _id: { $gt: after as never } }) }, SHOWN)
        .sort({ _id: 1 })
        .limit(limit)
        .hint('testProfiles')
        .toArray();
      return docs.map((doc) => toProfile(doc as unknown as ProfileDoc));
    },

    async erase(id) {
      const erased = await connection.transaction(async (session) => {
        await identities.deleteMany({ profileId: id }, { session });
        const { deletedCount } = await profiles.deleteOne({ _id: id as never }, { session });
        if (deletedCount === 0) return false;
        await erasures.insertOne({ _id: id as never, at: new Date() }, { session });
        return true;
      });
      if (erased) await eraseWhatNames(id);
      return erased;
    },

    async seen(id) {
      await profiles.updateOne({ _id: id as never }, [{ $set: { seenAt: '$$NOW' } }]);
    },

    async eraseLeftovers() {
      for (const { _id, at } of await erasures.find({}).limit(1_000).toArray()) {
        await eraseWhatNames(String(_id));
        if (Date.now() - (at as Date).getTime() > LEFTOVER_MS) await erasures.deleteOne({ _id });
      }
    },
  };
}

/** The document with these fields over its own; null takes a field away. */
function mergedInto(document: string | object, fields: Record<string, unknown>): object {
  const merged = { $mergeObjects: [document, { $literal: fields }] };
  if (!Object.values(fields).includes(null)) return merged;
  return {
    $arrayToObject: {
      $filter: { input: { $objectToArray: merged }, as: 'entry', cond: { $ne: ['$$entry.v', null] } },
    },
  };
}

/**
 * An update that creates or merges. Values are literals and property names are never paths, so that neither
 * dots nor dollars in them mean anything.
 */
function mergePipeline(id: string, patch: ProfilePatch): object[] {
  const part = partOf(id);
  const { properties = {}, ...fields } = patch;
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  const shown = searchFields(Object.fromEntries(named), properties);
  const set: Record<string, unknown> = {
    // What segments ask of each document stands first in it, for a document is read from its beginning.
    part,
    pushSites: { $ifNull: ['$pushSites', []] },
    seenAt: { $ifNull: ['$seenAt', null] },
    // A profile is none for testing until it is said to be.
    [`q.${part}`]: mergedInto({ $mergeObjects: [{ testProfile: false }, `$q.${part}`] }, shown),
    identity: { $literal: patch.identity },
    createdAt: { $ifNull: ['$createdAt', '$$NOW'] },
    updatedAt: '$$NOW',
    testProfile: patch.testProfile ?? { $ifNull: ['$testProfile', false] },
    properties: mergedInto('$properties', properties),
  };
  const unset: string[] = [];
  for (const field of FIELDS) {
    const value = patch[field];
    if (value === null) unset.push(field);
    else if (value !== undefined) set[field] = { $literal: value };
  }
  return unset.length > 0 ? [{ $set: set }, { $unset: unset }] : [{ $set: set }];
}
