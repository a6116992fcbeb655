import { Schema, type ClientSession, type Connection } from 'mongoose';
import {
  EARLIER_VERSIONS,
  UNDER_WAY,
  type ActiveLiveCampaign,
  type Campaign,
  type LiveVersion,
} from '../domain/campaign/campaign.ts';
import type { CatalogueRepository } from '../domain/ports/campaigns.ts';
import { versionKey, type VersionDoc } from './campaign-versions.ts';

interface CatalogueDoc {
  _id: string;
  version: number;
}

/** One document whose version grows with every change of what is active: reading it proves a view current. */
const catalogueSchema = new Schema<CatalogueDoc>(
  { _id: { type: String, required: true }, version: { type: Number, required: true } },
  { collection: 'catalogue', versionKey: false },
);

const KEY = 'campaigns';
const WATCH_AGAIN_MS = 500;

/** Raises the version, inside the transaction that changes a campaign. @returns the new version */
export async function bumpCatalogue(connection: Connection, session: ClientSession): Promise<number> {
  const doc = await connection
    .collection('catalogue')
    .findOneAndUpdate(
      { _id: KEY as never },
      { $inc: { version: 1 } },
      { upsert: true, returnDocument: 'after', session },
    );
  return doc?.version as number;
}

export function createCatalogueRepository(connection: Connection): CatalogueRepository {
  const catalogue = connection.model<CatalogueDoc>('Catalogue', catalogueSchema).collection;

  async function version(): Promise<number> {
    const doc = await catalogue.findOne({ _id: KEY as never });
    return (doc?.version as number | undefined) ?? 0;
  }

  // A version never changes, so it is read once.
  let known = new Map<string, LiveVersion>();

  /** @returns the versions before the current ones, by their keys */
  async function earlierOf(campaigns: CampaignDoc[]): Promise<Map<string, LiveVersion>> {
    const wanted = campaigns.flatMap((doc) => earlierKeys(doc));
    const missing = wanted.filter((key) => !known.has(key));
    const docs =
      missing.length === 0
        ? []
        : await connection
            .collection('campaignVersions')
            .find({ _id: { $in: missing as never[] } })
            .toArray();
    const all = new Map([...known, ...(docs as unknown as VersionDoc[]).flatMap(toLiveVersion)]);
    const isWanted = new Set(wanted);
    known = new Map([...all].filter(([key]) => isWanted.has(key)));
    return known;
  }

  return {
    version,

    async load() {
      // The version first: campaigns read after it are at least as new as it says.
      const seen = await version();
      const docs = await connection
        .collection('campaigns')
        .find({
          status: { $in: [...UNDER_WAY] },
          'definition.who.live': { $exists: true },
        })
        .toArray();
      const campaigns = docs as unknown as CampaignDoc[];
      const versions = await earlierOf(campaigns);
      return {
        version: seen,
        campaigns: campaigns.map((doc) => {
          const earlier = earlierKeys(doc).flatMap((key) => versions.get(key) ?? []);
          return { ...toActive(doc), earlier };
        }),
      };
    },

    watch(onChange) {
      let ended = false;
      let stream: ReturnType<typeof catalogue.watch> | null = null;
      let timer: NodeJS.Timeout | null = null;
      const open = (): void => {
        if (ended) return;
        stream = catalogue.watch([], { maxAwaitTimeMS: 1_000 });
        stream.on('change', onChange);
        stream.on('error', () => {
          void stream?.close().catch(() => undefined);
          // What changed while nobody watched is found by the call itself.
          timer = setTimeout(() => {
            onChange();
            open();
          }, WATCH_AGAIN_MS);
        });
      };
      open();
      return async () => {
        ended = true;
        if (timer) clearTimeout(timer);
        await stream?.close().catch(() => undefined);
      };
    },
  };
}

type CampaignDoc = Campaign & { _id: string };

function earlierKeys({ _id, version }: CampaignDoc): string[] {
  const first = Math.max(1, version - EARLIER_VERSIONS);
  return Array.from({ length: Math.max(0, version - first) }, (_, i) => versionKey(_id, first + i));
}

function toLiveVersion(doc: VersionDoc): [string, LiveVersion][] {
  const { who, when } = doc.definition;
  if (!('live' in who)) return [];
  const { version, createdAt: publishedAt, catalogueVersion = 0 } = doc;
  return [[doc._id, { version, live: who.live, when, publishedAt, catalogueVersion }]];
}

function toActive(doc: CampaignDoc): Omit<ActiveLiveCampaign, 'earlier'> {
  const { definition } = doc;
  if (!('live' in definition.who) || !doc.publishedAt || !doc.startsAt) {
    throw new Error(`campaign ${doc._id} is active and lacks what publishing sets`);
  }
  return {
    id: doc._id,
    name: definition.name,
    version: doc.version,
    channel: definition.channel,
    siteId: definition.siteId,
    live: definition.who.live,
    when: definition.when,
    publishedAt: doc.versionAt ?? doc.publishedAt,
    startsAt: doc.startsAt,
    endsAt: doc.endsAt,
    catalogueVersion: doc.catalogueVersion ?? 0,
    paused: doc.status === 'paused',
  };
}
