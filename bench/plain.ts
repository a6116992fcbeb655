import type { Connection } from 'mongoose';
import { DAY_MS } from './population.ts';

/** What an estimate answers with, of it what is compared. */
export interface Answer {
  qualified: number;
  webPush: number;
}

export type Plain = (connection: Connection, nowMs: number) => Promise<Answer>;

/** Serves the questions of behaviour below from the index alone. */
export const PLAIN_INDEX = { name: 1, time: 1, profileId: 1 } as const;

/** Everyone with these properties: a look at every profile. */
export function plainProperties(match: object): Plain {
  return (connection) => answer(connection, 'plainProfiles', [{ $match: match }, { $project: { _id: 1 } }]);
}

/** Who did it at least so often: the events of the window, counted by profile. */
export function plainDid(
  name: string,
  least: number,
  days: { from: number; to?: number },
  where: object = {},
): Plain {
  return (connection, nowMs) =>
    answer(connection, 'events', did(nowMs, name, least, days, where), PLAIN_INDEX);
}

/** Who did one thing, is such a profile, and did not do another thing. */
export function plainCombination(name: string, match: object, butNot: string, days: number): Plain {
  return (connection, nowMs) =>
    answer(
      connection,
      'events',
      [
        ...did(nowMs, name, 1, { from: days }),
        {
          $lookup: {
            from: 'plainProfiles',
            localField: '_id',
            foreignField: '_id',
            pipeline: [{ $match: match }, { $project: { _id: 1 } }],
            as: 'profile',
          },
        },
        { $match: { 'profile.0': { $exists: true } } },
        {
          $lookup: {
            from: 'events',
            localField: '_id',
            foreignField: 'profileId',
            pipeline: [
              { $match: { name: butNot, time: { $gte: daysBefore(nowMs, days) } } },
              { $limit: 1 },
              { $project: { _id: 1 } },
            ],
            as: 'other',
          },
        },
        { $match: { other: [] } },
      ],
      PLAIN_INDEX,
    );
}

function did(
  nowMs: number,
  name: string,
  least: number,
  { from, to }: { from: number; to?: number },
  where: object = {},
): object[] {
  const time = {
    $gte: daysBefore(nowMs, from),
    ...(to === undefined ? {} : { $lte: daysBefore(nowMs, to) }),
  };
  return [
    { $match: { name, time, ...where } },
    { $group: { _id: '$profileId', times: { $sum: 1 } } },
    { $match: { times: { $gte: least } } },
  ];
}

export function daysBefore(nowMs: number, days: number): Date {
  return new Date(nowMs - days * DAY_MS);
}

/** Counts what the stages leave, and those of it that have an active subscription. */
async function answer(
  connection: Connection,
  collection: string,
  stages: object[],
  hint?: Record<string, 1>,
): Promise<Answer> {
  const reach = [
    {
      $lookup: {
        from: 'subscriptions',
        localField: '_id',
        foreignField: 'profileId',
        pipeline: [{ $match: { status: 'active' } }, { $limit: 1 }, { $project: { _id: 1 } }],
        as: 'active',
      },
    },
    { $group: { _id: null, qualified: { $sum: 1 }, webPush: { $sum: { $size: '$active' } } } },
  ];
  const [row] = await connection
    .collection(collection)
    .aggregate<Answer>([...stages, ...reach], { allowDiskUse: true, ...(hint ? { hint } : {}) })
    .toArray();
  return { qualified: row?.qualified ?? 0, webPush: row?.webPush ?? 0 };
}
