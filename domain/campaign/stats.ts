import type { SuppressionReason } from '../delivery/message.ts';

/** What browsers reported. Null: nobody can know, since Safari through APNs reports nothing but clicks. */
export interface ReceiptCounts {
  delivered: number | null;
  viewed: number | null;
  clicked: number;
  dismissed: number | null;
}

interface KnownReceiptCounts extends ReceiptCounts {
  delivered: number;
  viewed: number;
  dismissed: number;
}

/** Devices by how they are reached. */
export interface TransportCounts {
  vapid: KnownReceiptCounts & { sent: number };
  apns: { sent: number; delivered: null; viewed: null; clicked: number; dismissed: null };
  fcmLegacy: KnownReceiptCounts & { sent: number };
}

/** What happened to the messages of a campaign. Headline figures count messages, `devices` subscriptions. */
export interface CampaignStats {
  /** Live: triggers opened. Past: profiles that a run took up. */
  entered: number;
  /** Those whose conditions held: always controlGroup + sent + failed + suppressed + waiting. */
  qualified: number;
  /** Qualified and not settled yet. */
  waiting: number;
  /** Live: entered and neither qualified nor closed yet. */
  inWindow: number;
  /** Live: closed before their conditions held, by reason. */
  notQualified: Partial<Record<SuppressionReason, number>>;
  controlGroup: number;
  /** A push service accepted it for at least one device. */
  sent: number;
  /** Null, as `viewed` and `dismissed`, when all that was sent went through APNs. */
  delivered: number | null;
  viewed: number | null;
  clicked: number;
  dismissed: number | null;
  /** By reason. */
  failed: Record<string, number>;
  /** By reason. */
  suppressed: Partial<Record<SuppressionReason, number>>;
  /** Receipts of every device and every time, such as two clicks on each of two devices: 4. */
  totals: ReceiptCounts;
  devices: ReceiptCounts & { sent: number; transports: TransportCounts };
}

/**
 * Takes the devices apart by transport, and what nobody can know out of the figures: what Safari got through APNs
 * was delivered or not, but says so to nobody, and 0 would be a claim.
 *
 * @param others the counts of the devices that are not reached by VAPID; those of `apns` are of clicks alone
 */
export function withTransports(
  stats: Omit<CampaignStats, 'devices'> & { devices: KnownReceiptCounts & { sent: number } },
  others: { apns: { sent: number; clicked: number }; fcmLegacy: KnownReceiptCounts & { sent: number } },
): CampaignStats {
  const { apns, fcmLegacy } = others;
  const { devices } = stats;
  const vapid = {
    sent: devices.sent - apns.sent - fcmLegacy.sent,
    delivered: devices.delivered - fcmLegacy.delivered,
    viewed: devices.viewed - fcmLegacy.viewed,
    clicked: devices.clicked - apns.clicked - fcmLegacy.clicked,
    dismissed: devices.dismissed - fcmLegacy.dismissed,
  };
  const unknown = { delivered: null, viewed: null, dismissed: null };
  const transports: TransportCounts = {
    vapid,
    apns: { sent: apns.sent, clicked: apns.clicked, ...unknown },
    fcmLegacy: { ...fcmLegacy },
  };
  if (apns.sent === 0 || vapid.sent > 0 || fcmLegacy.sent > 0) {
    return { ...stats, devices: { ...devices, transports } };
  }
  return {
    ...stats,
    ...unknown,
    totals: { ...stats.totals, ...unknown },
    devices: { ...devices, ...unknown, transports },
  };
}
