import type { AudienceRepository } from '../../domain/ports/audience.ts';
import type { SettingsRepository } from '../../domain/ports/campaigns.ts';
import type { ServerClock } from '../../domain/ports/clock.ts';
import type { EventRepository } from '../../domain/ports/events.ts';
import type { LimitRepository } from '../../domain/ports/limits.ts';
import type { MessageRepository } from '../../domain/ports/messages.ts';
import type { ProfileRepository, SiteRepository, SubscriptionRepository } from '../../domain/ports/people.ts';
import type { WorkflowStarter } from '../temporal/workflow-starter.ts';

/** What it takes to take events to their campaigns. */
export interface DispatchDeps {
  events: EventRepository;
  audience: AudienceRepository;
  settings: SettingsRepository;
  allowances: LimitRepository;
  messages: MessageRepository;
  profiles: ProfileRepository;
  subscriptions: SubscriptionRepository;
  sites: SiteRepository;
  workflows: WorkflowStarter;
  clock: ServerClock;
}
