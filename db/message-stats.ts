import type { Collection } from 'mongoose';
import type { AudienceKind } from '../domain/campaign/campaign.ts';
import type { VariantCounts } from '../domain/ports/messages.ts';
import type { SuppressionReason } from '../domain/delivery/message.ts';
import { withTransports, type CampaignStats } from '../domain/campaign/stats.ts';
import { otherTransports } from './transport-stats.ts';

interface StatsGroup {
  _id: { state: string; reason?: string; qualified: boolean; sent: boolean };
  count: number;
}

const KINDS = ['delivered', 'viewed', 'clicked', 'dismissed'] as const;

/**
 * Counts a campaign's rows. Headline figures count messages, `devices` subscriptions, `totals` receipts.
 *
 * @param nowMs epoch milliseconds: a waiting passage is qualified once its conditions have held
 */
export async function campaignStats(
  messages: Collection,
  campaignId: string,
  kind: AudienceKind,
  nowMs: number,
): Promise<CampaignStats> {
  const isOpen = { $in: ['$state', ['waiting', 'due', 'sending']] };
  const conditionsHeld = { $lte: [{ $ifNull: ['$passage.qualifiesAt', new Date(0)] }, new Date(nowMs)] };
  const [states, receipts, others] = await Promise.all([
    messages
      .aggregate<StatsGroup>([
        { $match: { campaignId } },
        {
          $group: {
            _id: {
              state: '$state',
              reason: '$reason',
              qualified: { $cond: [isOpen, conditionsHeld, { $ifNull: ['$qualified', true] }] },
              sent: { $gt: ['$sentAt', null] },
            },
            count: { $sum: 1 },
          },
        },
      ])
      .toArray(),
    messages.aggregate<Record<string, number>>(receiptPipeline(campaignId)).toArray(),
    otherTransports(messages, campaignId),
  ]);

  const stats = emptyStats();
  for (const { _id: group, count } of states) {
    stats.entered += count;
    if (!group.qualified) {
      if (group.state === 'suppressed') addTo(stats.notQualified, group.reason, count);
      else stats.inWindow += count;
      continue;
    }
    stats.qualified += count;
    // Once a push service accepted it for one device it is sent, even while another device is retried.
    if (group.sent) stats.sent += count;
    else if (group.state === 'control') stats.controlGroup += count;
    else if (group.state === 'failed') addTo(stats.failed, group.reason, count);
    else if (group.state === 'suppressed') addTo(stats.suppressed, group.reason, count);
    else stats.waiting += count;
  }
  if (kind !== 'live') stats.inWindow = 0;
  const counted = receipts[0] ?? {};
  stats.devices.sent = counted.devicesSent ?? 0;
  for (const name of KINDS) {
    stats[name] = counted[`${name}Messages`] ?? 0;
    stats.totals[name] = counted[`${name}Total`] ?? 0;
    stats.devices[name] = counted[`${name}Devices`] ?? 0;
  }
  return withTransports(stats, others);
}

/**
 * Counts of each variant how many messages were sent, and how many of them have a receipt of each kind.
 *
 * @param versions only the messages of these; absent: of all
 */
export async function variantStats(
  messages: Collection,
  campaignId: string,
  versions?: { from: number; to: number },
): Promise<Map<string, VariantCounts>> {
  const one = (test: object): object => ({ $sum: { $cond: [test, 1, 0] } });
  // Safari through APNs takes a message and says nothing but that it was clicked.
  const reports = {
    $and: [{ $eq: ['$$device.state', 'delivered'] }, { $ne: ['$$device.transport', 'apns'] }],
  };
  const someReports = {
    $anyElementTrue: [{ $map: { input: { $ifNull: ['$devices', []] }, as: 'device', in: reports } }],
  };
  const group: Record<string, unknown> = {
    _id: '$variant',
    sent: one({ $gt: ['$sentAt', null] }),
    reporting: one({ $and: [{ $gt: ['$sentAt', null] }, someReports] }),
    failed: one({ $eq: ['$state', 'failed'] }),
  };
  for (const kind of KINDS) group[kind] = one({ $in: [kind, { $ifNull: ['$receipts.kind', []] }] });
  const ofVersions = versions ? { version: { $gte: versions.from, $lte: versions.to } } : {};
  const groups = await messages
    .aggregate<VariantCounts & { _id: string }>([
      { $match: { campaignId, variant: { $exists: true }, ...ofVersions } },
      { $group: group },
    ] as object[])
    .toArray();
  return new Map(groups.map(({ _id, ...counts }) => [_id, counts]));
}

/** For each kind: messages with at least one receipt, devices with at least one, and all of them. */
function receiptPipeline(campaignId: string): object[] {
  const ofKind = (kind: string): object => ({
    $filter: { input: '$receipts', as: 'receipt', cond: { $eq: ['$$receipt.kind', kind] } },
  });
  const project: Record<string, object> = {
    devicesSent: {
      $size: { $filter: { input: '$devices', as: 'device', cond: { $eq: ['$$device.state', 'delivered'] } } },
    },
  };
  const group: Record<string, object | null> = { _id: null, devicesSent: { $sum: '$devicesSent' } };
  for (const kind of KINDS) {
    project[`${kind}Total`] = { $size: ofKind(kind) };
    project[`${kind}Devices`] = {
      $size: {
        $setUnion: [{ $map: { input: ofKind(kind), as: 'receipt', in: '$$receipt.subscriptionId' } }, []],
      },
    };
    group[`${kind}Messages`] = { $sum: { $cond: [{ $gt: [`$${kind}Total`, 0] }, 1, 0] } };
    group[`${kind}Total`] = { $sum: `$${kind}Total` };
    group[`${kind}Devices`] = { $sum: `$${kind}Devices` };
  }
  return [{ $match: { campaignId } }, { $project: project }, { $group: group }];
}

function addTo(counts: Partial<Record<string, number>>, reason: string | undefined, count: number): void {
  const key = (reason ?? 'unknown') as SuppressionReason;
  counts[key] = (counts[key] ?? 0) + count;
}

function emptyStats() {
  const none = { delivered: 0, viewed: 0, clicked: 0, dismissed: 0 };
  return {
    entered: 0,
    qualified: 0,
    waiting: 0,
    inWindow: 0,
    notQualified: {} as CampaignStats['notQualified'],
    controlGroup: 0,
    sent: 0,
    ...none,
    failed: {} as CampaignStats['failed'],
    suppressed: {} as CampaignStats['suppressed'],
    totals: { ...none },
    devices: { sent: 0, ...none },
  };
}
