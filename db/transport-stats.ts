import type { Collection } from 'mongoose';

const KINDS = ['delivered', 'viewed', 'clicked', 'dismissed'] as const;
/** Devices that say how they are reached; all others are of `vapid`. */
const OTHERS = ['apns', 'fcmLegacy'] as const;

type Counts = Record<'sent' | (typeof KINDS)[number], number>;

/** Counts the devices of a campaign that are not reached by VAPID, by transport. */
export async function otherTransports(
  messages: Collection,
  campaignId: string,
): Promise<Record<(typeof OTHERS)[number], Counts>> {
  const project: Record<string, object> = {};
  const group: Record<string, object | null> = { _id: null };
  for (const transport of OTHERS) {
    const devices = {
      $filter: { input: '$devices', as: 'device', cond: { $eq: ['$$device.transport', transport] } },
    };
    const ids = { $map: { input: devices, as: 'device', in: '$$device.subscriptionId' } };
    const sent = {
      $filter: { input: devices, as: 'device', cond: { $eq: ['$$device.state', 'delivered'] } },
    };
    project[`${transport}Sent`] = { $size: sent };
    group[`${transport}Sent`] = { $sum: `$${transport}Sent` };
    for (const kind of KINDS) {
      const receipts = {
        $filter: { input: '$receipts', as: 'receipt', cond: { $eq: ['$$receipt.kind', kind] } },
      };
      const reporting = { $map: { input: receipts, as: 'receipt', in: '$$receipt.subscriptionId' } };
      project[`${transport}_${kind}`] = { $size: { $setIntersection: [ids, reporting] } };
      group[`${transport}_${kind}`] = { $sum: `$${transport}_${kind}` };
    }
  }
  const [counted = {}] = await messages
    .aggregate<Record<string, number>>([
      { $match: { campaignId, 'devices.transport': { $in: [...OTHERS] } } },
      { $project: project },
      { $group: group },
    ] as object[])
    .toArray();
  const countsOf = (transport: string): Counts => ({
    sent: counted[`${transport}Sent`] ?? 0,
    delivered: counted[`${transport}_delivered`] ?? 0,
    viewed: counted[`${transport}_viewed`] ?? 0,
    clicked: counted[`${transport}_clicked`] ?? 0,
    dismissed: counted[`${transport}_dismissed`] ?? 0,
  });
  return { apns: countsOf('apns'), fcmLegacy: countsOf('fcmLegacy') };
}
