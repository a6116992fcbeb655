import type { Connection } from 'mongoose';
import type { ServerClock } from '../domain/ports/clock.ts';
import { createCampaignRepository } from './campaigns.ts';
import { createCapRepository } from './caps.ts';
import { createCatalogueRepository } from './catalogue.ts';
import { ensureIndexes } from './connection.ts';
import { createEventRepository } from './events.ts';
import { createIdempotencyRepository } from './idempotency.ts';
import { createKeyRepository } from './keys.ts';
import { createLaneRepository } from './lanes.ts';
import { createLimitRepository } from './limits.ts';
import { createListRepository } from './lists.ts';
import { createMessageRepository } from './messages.ts';
import { createProfileRepository } from './profiles.ts';
import { createPropertyRepository } from './properties.ts';
import { createRunProgressRepository } from './run-progress.ts';
import { createRunRepository } from './runs.ts';
import { createAudienceRepository } from './segments/audience.ts';
import { createEventNames } from './segments/event-names.ts';
import { createPromotedPropertyRepository } from './segments/promoted-properties.ts';
import { createRollupRepository } from './segments/rollup.ts';
import { createSettingsRepository } from './settings.ts';
import { createSegmentRepository } from './saved-segments.ts';
import { createSiteRepository } from './sites.ts';
import { createSubscriptionRepository } from './subscriptions.ts';
import { createThroughputRepository } from './throughput.ts';
import { createVault, type Vault } from './vault.ts';
import { createWebhookSlotRepository } from './webhook-slots.ts';
import { createWebhookRepository } from './webhooks.ts';

export type Repositories = Awaited<ReturnType<typeof createRepositories>>;

/**
 * Makes every repository on one connection, with the collections and indexes that are missing.
 *
 * @param vault seals the secrets that are kept; by default none can be
 */
export async function createRepositories(
  connection: Connection,
  clock: ServerClock,
  vault: Vault = createVault(null),
) {
  const profiles = createProfileRepository(connection);
  const names = createEventNames(connection);
  const rollup = createRollupRepository(connection, clock, names);
  const repositories = {
    profiles,
    rollup,
    audience: createAudienceRepository(connection, rollup, names),
    promoted: createPromotedPropertyRepository(connection),
    sites: createSiteRepository(connection, vault),
    subscriptions: createSubscriptionRepository(connection),
    events: createEventRepository(connection, clock, rollup),
    properties: createPropertyRepository(connection),
    campaigns: createCampaignRepository(connection),
    catalogue: createCatalogueRepository(connection),
    segments: createSegmentRepository(connection),
    lists: createListRepository(connection),
    runs: createRunRepository(connection),
    progress: createRunProgressRepository(connection, clock),
    messages: createMessageRepository(connection),
    caps: createCapRepository(connection),
    lanes: createLaneRepository(connection),
    settings: createSettingsRepository(connection),
    allowances: createLimitRepository(connection),
    throughput: createThroughputRepository(connection),
    keys: createKeyRepository(connection),
    webhooks: createWebhookRepository(connection, vault),
    webhookSlots: createWebhookSlotRepository(connection),
    idempotency: createIdempotencyRepository(connection, vault),
  };
  await ensureIndexes(connection);
  return repositories;
}
