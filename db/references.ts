import type { ClientSession, Connection } from 'mongoose';
import { ReferenceCycle, SegmentTooLarge, UnknownReference } from '../domain/audience/audience-errors.ts';
import { segmentOf, type CampaignDefinition } from '../domain/campaign/campaign.ts';
import type { ReferenceUser } from '../domain/ports/segments.ts';
import { referencesOf, SEGMENT_LIMITS, type Segment } from '../domain/audience/segment.ts';
import { atOneInstant, type ReadOptions } from './snapshot.ts';

/** What a document refers to, stored in it as `uses`: by it the users of a segment or a list are found. */
export interface Uses {
  segments: string[];
  lists: string[];
}

/** A saved segment as the walk through references sees it. */
interface Node {
  id: string;
  name: string;
  segment: Segment;
}

const SAVED = 'savedSegments';
const LISTS = 'lists';
const WEBHOOKS = 'webhooks';
/** Campaigns that are over or put away do not keep what they once used. */
const CAMPAIGN_IN_USE = { status: { $nin: ['completed', 'stopped'] }, archivedAt: { $exists: false } };
const USERS_SHOWN = 100;

/** Reads all at one instant, so that what was read and not touched is at least consistent. */
export const TRANSACTION = { readConcern: { level: 'snapshot' as const } };

/** @returns what to store beside a document that holds the segment */
export function usesOf(segment: Segment | undefined): Uses {
  return segment === undefined ? { segments: [], lists: [] } : referencesOf(segment);
}

/**
 * Holds whatever the segment refers to, directly or through others, inside the transaction that writes the
 * referring document. Each is updated, so that a deletion, or a change of what it refers to, at the same
 * time conflicts and one of the two is done again with the other's outcome before its eyes.
 *
 * @param root what is being written: its id and name when it is a saved segment
 * @throws UnknownReference, ReferenceCycle, SegmentTooLarge
 */
export async function holdReferences(
  connection: Connection,
  session: ClientSession,
  root: { id?: string; name: string; segment: Segment },
): Promise<void> {
  const { lists } = referencesOf(root.segment);
  for (const id of lists.sort()) {
    const { matchedCount } = await connection
      .collection(LISTS)
      .updateOne({ _id: id as never }, { $inc: { held: 1 } }, { session });
    if (matchedCount === 0) throw new UnknownReference('list', id);
  }
  const below = await nodesBelow(connection, { session }, root);
  if (below.size > 0) {
    await connection
      .collection(SAVED)
      .updateMany({ _id: { $in: [...below.keys()] as never[] } }, { $inc: { held: 1 } }, { session });
  }
  checkSize(root.segment, segmentsOf(below));
}

/**
 * Reads the saved segments that a segment refers to, directly or through others, as they are at one instant.
 *
 * @returns them by id
 * @throws UnknownReference
 */
export async function savedBehind(connection: Connection, segment: Segment): Promise<Map<string, Segment>> {
  if (referencesOf(segment).segments.length === 0) return new Map();
  const nodes = await atOneInstant(connection, (reads) =>
    nodesBelow(connection, reads, { name: '', segment }),
  );
  return segmentsOf(nodes);
}

/**
 * Looks whether every user of a saved segment could still be judged once it holds this.
 *
 * @throws SegmentTooLarge which names the user
 */
export async function checkUsers(
  connection: Connection,
  session: ClientSession,
  changed: Node,
): Promise<void> {
  const segments = new Map([[changed.id, changed]]);
  const campaigns = new Map<string, Node>();
  for (let wanted = [changed.id]; wanted.length > 0;) {
    const segmentDocs = await connection
      .collection(SAVED)
      .find({ 'uses.segments': { $in: wanted } }, { session })
      .toArray();
    const campaignDocs = await connection
      .collection('campaigns')
      .find({ 'uses.segments': { $in: wanted }, ...CAMPAIGN_IN_USE }, { session })
      .toArray();
    // Whoever is inside is judged by the version that it entered under.
    const edited = campaignDocs.filter(({ version }) => (version as number) > 1).map(({ _id }) => _id);
    const versionDocs = await connection
      .collection('campaignVersions')
      .find({ campaignId: { $in: edited } }, { session })
      .toArray();
    for (const { _id, definition } of [...campaignDocs, ...versionDocs]) {
      const { name } = definition as CampaignDefinition;
      const segment = segmentOf(definition as CampaignDefinition);
      if (segment) campaigns.set(String(_id), { id: String(_id), name, segment });
    }
    const fresh = segmentDocs.map(toNode).filter(({ id }) => !segments.has(id));
    for (const node of fresh) segments.set(node.id, node);
    wanted = fresh.map(({ id }) => id);
  }
  segments.delete(changed.id);
  for (const user of [...segments.values(), ...campaigns.values()]) {
    const known = await nodesBelow(
      connection,
      { session },
      { name: user.name, segment: user.segment },
      changed,
    );
    checkSize(user.segment, segmentsOf(known), `“${user.name}”, which refers to it,`);
  }
}

/**
 * Holds a webhook target inside the transaction that writes the campaign which sends to it, so that a deletion at
 * the same time conflicts.
 *
 * @throws UnknownReference
 */
export async function holdWebhook(connection: Connection, session: ClientSession, id: string): Promise<void> {
  const { matchedCount } = await connection
    .collection(WEBHOOKS)
    .updateOne({ _id: id as never }, { $inc: { held: 1 } }, { session });
  if (matchedCount === 0) throw new UnknownReference('webhook', id);
}

/** @returns the campaigns that send to a webhook target, now or by an earlier version, up to a hundred */
export async function webhookUsersOf(
  connection: Connection,
  session: ClientSession,
  id: string,
): Promise<ReferenceUser[]> {
  const uses = { 'definition.what.webhookId': id };
  // Whoever is inside gets what the version that it entered under says.
  const versions = await connection.collection('campaignVersions').distinct('campaignId', uses, { session });
  const campaigns = await connection
    .collection('campaigns')
    .find({ $or: [uses, { _id: { $in: versions as never[] } }], ...CAMPAIGN_IN_USE }, { session })
    .sort({ _id: 1 })
    .limit(USERS_SHOWN)
    .toArray();
  return campaigns.map((doc) => {
    const { name } = doc.definition as CampaignDefinition;
    return { kind: 'campaign', id: String(doc._id), name };
  });
}

/** @returns who refers to a segment or a list, up to a hundred */
export async function usersOf(
  connection: Connection,
  session: ClientSession,
  kind: 'segments' | 'lists',
  id: string,
): Promise<ReferenceUser[]> {
  const find = async (
    collection: string,
    more: object,
  ): Promise<{ _id: unknown; [key: string]: unknown }[]> =>
    connection
      .collection(collection)
      .find({ [`uses.${kind}`]: id, ...more }, { session })
      .sort({ _id: 1 })
      .limit(USERS_SHOWN)
      .toArray();
  const segments = await find(SAVED, {});
  const campaigns = await find('campaigns', CAMPAIGN_IN_USE);
  return [
    ...segments.map((doc): ReferenceUser => ({
      kind: 'segment',
      id: String(doc._id),
      name: String(doc.name),
    })),
    ...campaigns.map((doc): ReferenceUser => {
      const { name } = doc.definition as CampaignDefinition;
      return { kind: 'campaign', id: String(doc._id), name };
    }),
  ].slice(0, USERS_SHOWN);
}

/** Follows references until no new ones come. @returns what was found, by id */
async function nodesBelow(
  connection: Connection,
  reads: ReadOptions,
  root: { id?: string; name: string; segment: Segment },
  instead?: Node,
): Promise<Map<string, Node>> {
  const found = new Map<string, Node>();
  const from = new Map<string, string | undefined>();
  let level: { id?: string | undefined; segment: Segment }[] = [root];
  while (level.length > 0) {
    const wanted: string[] = [];
    for (const { id: by, segment } of level) {
      for (const id of referencesOf(segment).segments) {
        if (id === root.id)
          throw new ReferenceCycle(chainTo(by, from, found, root as { id: string; name: string }));
        if (from.has(id)) continue;
        from.set(id, by);
        wanted.push(id);
      }
    }
    const docs = await connection
      .collection(SAVED)
      .find({ _id: { $in: wanted as never[] } }, reads)
      .toArray();
    const nodes = new Map(docs.map((doc) => [String(doc._id), toNode(doc)]));
    if (instead && nodes.has(instead.id)) nodes.set(instead.id, instead);
    for (const id of wanted) if (!nodes.has(id)) throw new UnknownReference('segment', id);
    for (const [id, node] of nodes) found.set(id, node);
    level = [...nodes.values()];
  }
  return found;
}

function segmentsOf(nodes: ReadonlyMap<string, Node>): Map<string, Segment> {
  return new Map([...nodes].map(([id, node]) => [id, node.segment]));
}

/** The way from the root to the segment that refers back to it. */
function chainTo(
  last: string | undefined,
  from: Map<string, string | undefined>,
  found: Map<string, Node>,
  { id, name }: { id: string; name: string },
): { id: string; name: string }[] {
  const way: { id: string; name: string }[] = [];
  for (let at = last; at !== undefined && at !== id; at = from.get(at)) {
    way.unshift({ id: at, name: found.get(at)?.name ?? at });
  }
  return [{ id, name }, ...way, { id, name }];
}

/**
 * @param saved the saved segments that it refers to, directly or through others, by id
 * @param whom how the error calls it
 * @throws SegmentTooLarge when the segment holds too much once each reference stands for what it refers to
 */
export function checkSize(segment: Segment, saved: ReadonlyMap<string, Segment>, whom = 'it'): void {
  const sizes = new Map<string, { parts: number; levels: number }>();
  const sizeOf = (part: Segment): { parts: number; levels: number } => {
    if ('all' in part) return sum(part.all.map(sizeOf));
    if ('any' in part) return sum(part.any.map(sizeOf));
    if ('not' in part) return sum([sizeOf(part.not)]);
    if (!('segment' in part)) return { parts: 1, levels: 0 };
    let size = sizes.get(part.segment);
    if (size === undefined) {
      const { parts, levels } = sizeOf(saved.get(part.segment)!);
      size = { parts: parts + 1, levels: levels + 1 };
      sizes.set(part.segment, size);
    }
    return size;
  };
  const { parts, levels } = sizeOf(segment);
  const { depth, resolvedParts } = SEGMENT_LIMITS;
  if (levels > depth)
    throw new SegmentTooLarge(`${whom} would refer over ${levels} levels; at most ${depth}`);
  if (parts > resolvedParts) {
    throw new SegmentTooLarge(
      `${whom} would hold ${parts} parts with those of the segments it refers to; at most ${resolvedParts}`,
    );
  }
}

function sum(sizes: { parts: number; levels: number }[]): { parts: number; levels: number } {
  return {
    parts: sizes.reduce((total, { parts }) => total + parts, 1),
    levels: Math.max(0, ...sizes.map(({ levels }) => levels)),
  };
}

function toNode(doc: { _id: unknown; [key: string]: unknown }): Node {
  return { id: String(doc._id), name: doc.name as string, segment: doc.segment as Segment };
}
