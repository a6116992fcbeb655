import type { SuppressionReason } from './message.ts';

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
  delivered: number;
  viewed: number;
  clicked: number;
  dismissed: number;
  /** By reason. */
  failed: Record<string, number>;
  /** By reason. */
  suppressed: Partial<Record<SuppressionReason, number>>;
  /** Receipts of every device and every time, such as two clicks on each of two devices: 4. */
  totals: { delivered: number; viewed: number; clicked: number; dismissed: number };
  devices: { sent: number; delivered: number; viewed: number; clicked: number; dismissed: number };
}
