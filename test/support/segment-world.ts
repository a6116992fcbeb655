import type { Connection } from 'mongoose';
import type { Repositories } from '../../db/repositories.ts';
import { PARTS } from '../../db/segments/parts.ts';
import type { CampaignDefinition } from '../../domain/campaign/campaign.ts';
import { goToPart } from './id-parts.ts';
import type { PersonSubscription, World } from './segment-oracle.ts';
import type { Dice, EventToStore, PersonToStore, Population } from './segment-population.ts';

/** A database with a population in it, and what the oracle knows of the same people. */
export interface Stage {
  connection: Connection;
  repositories: Repositories;
  world: World;
  /** Ids of events that were stored, by profile. */
  stored: Map<string, Set<string>>;
  dice: Dice;
}

const BATCH = 60;

/** Stores everything the way that calls do. Segments are asked for meanwhile, which folds what is half there. */
export async function storePopulation(
  connection: Connection,
  repositories: Repositories,
  population: Population,
  dice: Dice,
): Promise<Stage> {
  const { people, campaigns } = population;
  const world: World = { people: [], campaigns: new Map(), lists: new Map(), segments: new Map() };
  const stage: Stage = { connection, repositories, world, stored: new Map(), dice };
  for (const { id, ...campaign } of campaigns) {
    await repositories.campaigns.create(id, definitionOf(campaign));
    await connection
      .collection('campaigns')
      .updateOne({ _id: id as never }, { $set: { status: 'completed' } });
    world.campaigns.set(id, campaign);
  }
  const patches = people.map(
    ({ events: _events, subscriptions: _subscriptions, messages: _messages, ...patch }) => patch,
  );
  const ids: string[] = [];
  for (const [i, part] of PARTS.entries()) {
    goToPart(part);
    const [from, to] = [i, i + 1].map((of) => Math.round((of * patches.length) / PARTS.length));
    ids.push(...(await repositories.profiles.upsertMany(patches.slice(from, to))));
  }
  people.forEach((person, place) => {
    world.people.push({ ...person, id: ids[place] ?? '', events: [] });
  });
  await Promise.all(
    people.map(async (person, place) => {
      const id = ids[place] ?? '';
      for (const [nth, one] of person.subscriptions.entries()) await addSubscription(stage, id, nth, one);
      await addMessages(stage, id, person);
    }),
  );
  let storing = true;
  const folding = (async () => {
    while (storing) await repositories.audience.estimate({ did: { event: 'Charged' } }, { nowMs: 0 });
  })();
  await Promise.all(people.map((person, place) => addEvents(stage, ids[place] ?? '', person.events)));
  storing = false;
  await folding;
  return stage;
}

/** The first with an id stays, as it was; the later ones count as repeats. */
export async function addEvents(stage: Stage, profileId: string, events: EventToStore[]): Promise<void> {
  const person = stage.world.people.find((one) => one.id === profileId);
  const stored = stage.stored.get(profileId) ?? new Set<string>();
  stage.stored.set(profileId, stored);
  for (let i = 0; i < events.length; i += BATCH) {
    const batch = events.slice(i, i + BATCH);
    await stage.repositories.events.insertMany(
      batch.map(({ at, ...event }, index) => ({
        ...event,
        profileId,
        time: new Date(at),
        index,
        pending: false,
      })),
      0,
    );
    for (const { eventId, ...event } of batch) {
      if (!stored.has(eventId)) person?.events.push(event);
      stored.add(eventId);
    }
  }
}

export async function addSubscription(
  { repositories, connection }: Pick<Stage, 'repositories' | 'connection'>,
  profileId: string,
  nth: number,
  { status, createdAt, syncedAt, transport: _transport, ...rest }: PersonSubscription,
): Promise<void> {
  const address = { endpoint: `https://push.example/${profileId}/${nth}`, keys: { p256dh: 'p', auth: 'a' } };
  const { subscription } = await repositories.subscriptions.upsert(
    { ...rest, ...address, profileId, transport: 'vapid' },
    'replace',
  );
  if (status !== 'active') await repositories.subscriptions.setStatus(subscription.id, status);
  await connection
    .collection('subscriptions')
    .updateOne({ _id: subscription.id as never }, { $set: { createdAt, syncedAt } });
}

async function addMessages(stage: Stage, profileId: string, { messages }: PersonToStore): Promise<void> {
  if (messages.length === 0) return;
  const { connection, world, dice } = stage;
  const dueAt = new Date(0);
  await connection.collection('messages').insertMany(
    messages.map(({ campaignId, sentAt, receipts }) => ({
      _id: dice.id() as never,
      campaignId,
      profileId,
      version: 1,
      siteId: world.campaigns.get(campaignId)?.siteId,
      runId: dice.id(),
      partition: 0,
      state: sentAt === undefined ? 'suppressed' : dice.pick(['sent', 'due', 'failed']),
      dueAt,
      firstDueAt: dueAt,
      tries: 0,
      devices: [],
      attempts: [],
      receipts: receipts.map(({ kind, at }) => ({
        id: dice.id(),
        kind,
        subscriptionId: 's',
        at: new Date(at),
      })),
      createdAt: dueAt,
      ...(sentAt === undefined ? {} : { sentAt: new Date(sentAt) }),
    })),
  );
}

export async function addLists(stage: Stage, many: number): Promise<void> {
  const { repositories, world, dice } = stage;
  for (let i = 0; i < many; i += 1) {
    const id = dice.id();
    const ids = world.people.map((person) => person.id).filter(() => dice.chance(0.4));
    await repositories.lists.create({ id, name: `List ${i}` });
    await repositories.lists.add(id, ids);
    world.lists.set(id, new Set(ids));
  }
}

function definitionOf(campaign: Omit<Population['campaigns'][number], 'id'>): CampaignDefinition {
  return { ...campaign, who: { past: { all: [] } }, when: { start: 'now' }, what: { title: 'Hi' } };
}
