import type { Connection } from 'mongoose';
import type { ServerClock } from '../domain/ports/repositories.ts';
import { createCampaignRepository } from './campaigns.ts';
import { createCatalogueRepository } from './catalogue.ts';
import { ensureIndexes } from './connection.ts';
import { createEventRepository } from './events.ts';
import { createIdempotencyRepository } from './idempotency.ts';
import { createKeyRepository } from './keys.ts';
import { createLaneRepository } from './lanes.ts';
import { createMessageRepository } from './messages.ts';
import { createProfileRepository } from './profiles.ts';
import { createRunRepository } from './runs.ts';
import { createSiteRepository } from './sites.ts';
import { createSubscriptionRepository } from './subscriptions.ts';

export type Repositories = Awaited<ReturnType<typeof createRepositories>>;

/** Makes every repository on one connection, with the collections and indexes that are missing. */
export async function createRepositories(connection: Connection, clock: ServerClock) {
  const repositories = {
    profiles: createProfileRepository(connection),
    sites: createSiteRepository(connection),
    subscriptions: createSubscriptionRepository(connection),
    events: createEventRepository(connection, clock),
    campaigns: createCampaignRepository(connection),
    catalogue: createCatalogueRepository(connection),
    runs: createRunRepository(connection),
    messages: createMessageRepository(connection),
    lanes: createLaneRepository(connection),
    keys: createKeyRepository(connection),
    idempotency: createIdempotencyRepository(connection),
  };
  await ensureIndexes(connection);
  return repositories;
}
