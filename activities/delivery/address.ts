import type { CampaignDefinition } from '../../domain/campaign/campaign.ts';
import type { Device, Message } from '../../domain/delivery/message.ts';
import type { Profile } from '../../domain/profile.ts';
import type { RetryPolicy } from '../../domain/delivery/retry.ts';
import type { Site, Subscription } from '../../domain/site.ts';
import type { Batches } from './batches.ts';
import type { PageContext } from './page-context.ts';
import type { Sent, WebhookItem } from './webhook-request.ts';

/** Whom a message goes to, and everything that its texts may speak of. */
export interface Recipient<Definition extends CampaignDefinition = CampaignDefinition> {
  row: Message;
  definition: Definition;
  site: Site | undefined;
  profile: Profile;
  /** Active ones: of the campaign's site, or of any. */
  subscriptions: Subscription[];
  /** When its time to live ends, epoch milliseconds. */
  expiresAtMs: number;
}

/** A message with its texts, ready to travel. */
export interface Ready {
  /** Which variant it is, where there are several. */
  variant?: string | undefined;
  /** How it is tried again; absent: as push services are. */
  retry?: RetryPolicy | undefined;
  /** @param mayBegin asked when the request would go on the wire */
  send(mayBegin: () => boolean, batches: Batches<Sent, WebhookItem>): Promise<Sent>;
}

/** Where a message of its channel goes, or why it goes nowhere. */
export type Addressed =
  | { kind: 'unreachable'; detail: string }
  | { kind: 'failed'; reason: string; detail: string }
  | {
      kind: 'addressed';
      devices: Device[];
      /** Renders the texts. @throws what keeps them from being shown */
      ready(context: PageContext): Promise<Ready>;
    };

/** @returns what of the row's devices is still to be tried, and those that are new when it was never tried */
export function devicesOf(row: Message, active: Omit<Device, 'state' | 'tries'>[]): Device[] {
  const ids = new Set(active.map(({ subscriptionId }) => subscriptionId));
  // A message goes to the devices that were there when it was first tried; later ones are not added to it.
  if (row.devices.length === 0) return active.map((device) => ({ ...device, state: 'pending', tries: 0 }));
  return row.devices.map((device) =>
    device.state === 'pending' && !ids.has(device.subscriptionId)
      ? { ...device, state: 'gone' as const, reason: 'gone' }
      : device,
  );
}
