import type {
  ApnsChannel,
  FcmLegacyChannel,
  WebhookChannel,
  WebPushChannel,
} from '../../domain/ports/channels.ts';
import type { AudienceRepository } from '../../domain/ports/audience.ts';
import type { CampaignRepository, SettingsRepository } from '../../domain/ports/campaigns.ts';
import type { EventRepository } from '../../domain/ports/events.ts';
import type { CapRepository, LimitRepository, ThroughputRepository } from '../../domain/ports/limits.ts';
import type { MessageRepository } from '../../domain/ports/messages.ts';
import type { ProfileRepository, SiteRepository, SubscriptionRepository } from '../../domain/ports/people.ts';
import type { RunRepository } from '../../domain/ports/runs.ts';
import type { WebhookRepository, WebhookSlotRepository } from '../../domain/ports/webhooks.ts';
import type {
  Clock,
  GateKeeper,
  Log,
  QueueWaker,
  Randomness,
  ReceiptSigner,
  TemplateEngine,
} from '../../domain/ports/services.ts';

/** The time limits of the fence and the bounds of what may be under way. All times in milliseconds. */
export interface DeliveryLimits {
  /** How long a claim holds a row, by the database's clock. */
  leaseMs: number;
  /** The holder starts no send later than this after it began to claim, by its own monotonic clock. */
  startWithinMs: number;
  /** After which a try is given up. startWithinMs + timeoutMs stays well below leaseMs. */
  timeoutMs: number;
  pageSize: number;
  concurrency: number;
  flushEvery: number;
  flushAfterMs: number;
  /** Tests only: how much later than it is the days and weeks of the limits take it to be. */
  calendarAheadMs: number;
}

export const DELIVERY_LIMITS: DeliveryLimits = {
  leaseMs: 30_000,
  startWithinMs: 12_000,
  timeoutMs: 10_000,
  pageSize: 256,
  concurrency: 64,
  flushEvery: 64,
  flushAfterMs: 100,
  calendarAheadMs: 0,
};

export interface DeliveryDeps {
  messages: MessageRepository;
  campaigns: CampaignRepository;
  caps: CapRepository;
  profiles: ProfileRepository;
  subscriptions: SubscriptionRepository;
  sites: SiteRepository;
  events: EventRepository;
  audience: AudienceRepository;
  runs: Pick<RunRepository, 'first'>;
  settings: SettingsRepository;
  /** Slots of the global limits, and turns at campaigns. */
  allowances: LimitRepository;
  throughput: ThroughputRepository;
  queues: QueueWaker;
  webPush: WebPushChannel;
  fcmLegacy: FcmLegacyChannel;
  apns: ApnsChannel;
  webhook: WebhookChannel;
  webhooks: WebhookRepository;
  webhookSlots: WebhookSlotRepository;
  gate: GateKeeper;
  templates: TemplateEngine;
  receipts: ReceiptSigner;
  clock: Clock;
  random: Randomness;
  log: Log;
  /** Where browsers reach the API, such as `https://push.example`. */
  publicUrl: string;
  /** `mailto:` or `https:` contact for push services (RFC 8292 section 2.1). */
  contact: string;
  limits: DeliveryLimits;
}
