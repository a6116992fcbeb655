import { Schema, type ClientSession, type Connection } from 'mongoose';
import type { ActiveLiveCampaign, Campaign } from '../domain/campaign.ts';
import type { CatalogueRepository } from '../domain/ports/repositories.ts';

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

  return {
    version,

    async load() {
      // The version first: campaigns read after it are at least as new as it says.
      const seen = await version();
      const docs = await connection
        .collection('campaigns')
        .find({
          status: { $in: ['scheduled', 'running', 'paused'] },
          'definition.who.live': { $exists: true },
        })
        .toArray();
      return {
        version: seen,
        campaigns: docs.map((doc) => toActive(doc as unknown as Campaign & { _id: string })),
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

function toActive(doc: Campaign & { _id: string }): ActiveLiveCampaign {
  const { definition } = doc;
  if (!('live' in definition.who) || !doc.publishedAt || !doc.startsAt) {
    throw new Error(`campaign ${doc._id} is active and lacks what publishing sets`);
  }
  return {
    id: doc._id,
    name: definition.name,
    version: doc.version,
    siteId: definition.siteId,
    live: definition.who.live,
    when: definition.when,
    publishedAt: doc.publishedAt,
    startsAt: doc.startsAt,
    endsAt: doc.endsAt,
    catalogueVersion: doc.catalogueVersion ?? 0,
    paused: doc.status === 'paused',
  };
}
