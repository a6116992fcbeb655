import type { IdempotencyRepository, KeyRepository } from '../domain/ports/access.ts';
import type {
  AudienceRepository,
  PromotedPropertyRepository,
  RollupRepository,
} from '../domain/ports/audience.ts';
import type { CampaignRepository, SettingsRepository } from '../domain/ports/campaigns.ts';
import type { ServerClock } from '../domain/ports/clock.ts';
import type { EventRepository } from '../domain/ports/events.ts';
import type { LimitRepository, ThroughputRepository } from '../domain/ports/limits.ts';
import type { MessageRepository } from '../domain/ports/messages.ts';
import type { ProfileRepository, SiteRepository, SubscriptionRepository } from '../domain/ports/people.ts';
import type { PropertyRepository } from '../domain/ports/properties.ts';
import type { RunProgressRepository, RunRepository } from '../domain/ports/runs.ts';
import type { ListRepository, SegmentRepository } from '../domain/ports/segments.ts';
import type { WebhookRepository } from '../domain/ports/webhooks.ts';
import type { Log, ReceiptSigner, TemplateEngine } from '../domain/ports/services.ts';
import type { Matcher } from './dispatch/matcher.ts';
import type { WorkflowStarter } from './temporal/workflow-starter.ts';

/** What the routes are given by the composition root. */
export interface ApiDeps {
  profiles: ProfileRepository;
  sites: SiteRepository;
  subscriptions: SubscriptionRepository;
  events: EventRepository;
  properties: PropertyRepository;
  audience: AudienceRepository;
  rollup: Pick<RollupRepository, 'rebuild'>;
  promoted: PromotedPropertyRepository;
  settings: SettingsRepository;
  allowances: LimitRepository;
  campaigns: CampaignRepository;
  segments: SegmentRepository;
  lists: ListRepository;
  runs: RunRepository;
  progress: RunProgressRepository;
  messages: MessageRepository;
  throughput: ThroughputRepository;
  webhooks: WebhookRepository;
  /** @returns why webhooks may not reach an address, as far as it can be told without resolving a name, or null */
  webhookRefusal(url: string): string | null;
  keys: KeyRepository;
  idempotency: IdempotencyRepository;
  clock: ServerClock;
  matcher: Matcher;
  workflows: WorkflowStarter;
  templates: TemplateEngine;
  receipts: ReceiptSigner;
  push: {
    generateKeys(): { publicKey: string; privateKey: string };
    /** @returns the fault, or null */
    checkKeys(keys: { publicKey: string; privateKey: string }): string | null;
    /** @returns the fault, or null when the endpoint belongs to a push service that we may reach */
    checkEndpoint(url: string): string | null;
  };
  /** Tells the dispatcher that these lanes have something to do. */
  nudge(lanes: number[]): void;
  /** How long a gate that was changed may still be believed open elsewhere, in milliseconds. */
  gateLeaseMs: number;
  /** Where browsers reach the API, without a slash at the end. */
  publicUrl(): string;
  readiness(): Promise<Record<string, boolean>>;
  log: Log;
}
