import type { Connection } from 'mongoose';
import type { CountedEvent, RollupRepository } from '../../domain/ports/audience.ts';
import type { ServerClock } from '../../domain/ports/clock.ts';
import { EVENTS_PER_GROUP, readCounted } from './counted.ts';
import type { Folder } from './fold.ts';
import type { FoldMarks } from './fold-marks.ts';
import { FORM_LANE, type OneProcess } from './one-process.ts';
import { putIntoParts } from './parts-anew.ts';
import { createProfileForm, type Begun } from './profile-form.ts';

/** Another process that makes everything anew is waited for. */
const FORM_AGAIN_MS = 250;
const FORM_OF_OLD =
  'what segments are answered from is in the form of an earlier version: it is made anew, which takes some five minutes for a million profiles';
const FORM_GOES_ON = 'what segments are answered from is made anew: it goes on from where it was left off';
const FORM_ELSEWHERE = 'another process makes anew what segments are answered from: waiting for it';
const PROFILES_PER_REBUILD = 2_000;
/** Who waits for it to be made anew is told how far it is. */
const TELL_EVERY = 100_000;
/** A call may have stored events under a clock that lags by this much. */
const REBUILD_SLACK_MS = 60_000;

/** Makes what segments are answered from anew, from the profiles and their events. */
export function createRebuild(deps: {
  connection: Connection;
  clock: ServerClock;
  marks: FoldMarks;
  folder: Folder;
  oneProcess: OneProcess;
}): Pick<RollupRepository, 'rebuild' | 'ensureForm'> {
  const { connection, clock, marks, folder, oneProcess } = deps;
  const form = createProfileForm(connection);
  const events = connection.collection('events');
  const profiles = connection.collection('profiles');

  /** @param ids of profiles, in order */
  async function foldAnew(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    const onPage = new Map(ids.map((id, place) => [id, place]));
    let byProfile = new Map<string, CountedEvent[]>();
    let held = 0;
    let next = 0;
    /** Writes the profiles before this one, those without events as well. */
    const putBefore = async (place: number): Promise<void> => {
      for (; next < place; next += 1) if (!byProfile.has(ids[next]!)) byProfile.set(ids[next]!, []);
      await folder.replace(byProfile);
      byProfile = new Map();
      held = 0;
    };
    // An event's key begins with its profile's: they come profile by profile.
    const range = { $gte: `${ids[0]!}:`, $lt: `${ids[ids.length - 1]!};` };
    for await (const some of readCounted(events, { _id: range })) {
      for (const event of some) {
        // One that is on no page was erased, or came, meanwhile.
        const place = onPage.get(event.profileId);
        if (place === undefined) continue;
        const known = byProfile.get(event.profileId);
        if (known) {
          known.push(event);
        } else {
          if (held >= EVENTS_PER_GROUP) await putBefore(place);
          byProfile.set(event.profileId, [event]);
        }
        held += 1;
      }
    }
    await putBefore(ids.length);
  }

  /**
   * @param from the last profile, by id, of those that need not be gone through
   * @param goesOn told after each page how many were and up to which; false: it leaves off
   * @returns how many profiles were gone through
   */
  async function rebuild(
    from: string,
    goesOn: (count: number, upTo: string) => Promise<boolean>,
  ): Promise<number> {
    const mark = await marks.hold(new Date(clock.now().getTime() - REBUILD_SLACK_MS));
    try {
      let count = 0;
      for (let after = from; ;) {
        const page = await profiles
          .find({ _id: { $gt: after as never } }, { projection: { _id: 1 } })
          .sort({ _id: 1 })
          .limit(PROFILES_PER_REBUILD)
          .toArray();
        const ids = page.map((doc) => String(doc._id));
        if (ids.length === 0) break;
        await putIntoParts(profiles, ids);
        const half = Math.ceil(ids.length / 2);
        const halves = [ids.slice(0, half), ids.slice(half)].map(foldAnew);
        // The mark stays until neither writes any more.
        await Promise.allSettled(halves);
        await Promise.all(halves);
        after = ids[ids.length - 1]!;
        count += ids.length;
        await mark.touch();
        if (!(await goesOn(count, after))) return count;
      }
      await form.written();
      return count;
    } finally {
      await mark.release();
    }
  }

  /** @returns where it was left off; null when nobody began, or an earlier version ran since then */
  async function leftOff(): Promise<Begun | null> {
    const begun = await form.begun();
    if (begun === null) return null;
    const later = { $gt: begun.since };
    // Whatever comes after these is written anew in any case.
    const changed = { _id: { $lte: begun.upTo as never }, updatedAt: later };
    const isStale =
      (await events.findOne({ receivedAt: later }, { projection: { _id: 1 } })) !== null ||
      (await profiles.findOne(changed, { projection: { _id: 1 } })) !== null;
    return isStale ? null : begun;
  }

  return {
    rebuild: () => rebuild('', () => Promise.resolve(true)),

    async ensureForm(log, signal) {
      let hasWaited = false;
      while (!(await form.isCurrent())) {
        signal?.throwIfAborted();
        const answer = await oneProcess.alone(FORM_LANE, async (isStillOurs) => {
          // Another process may have come to its end just before.
          if (await form.isCurrent()) return;
          const left = await leftOff();
          log(left === null ? FORM_OF_OLD : FORM_GOES_ON);
          const { upTo: from, count: before, since } = left ?? { upTo: '', count: 0, since: clock.now() };
          let told = before;
          await rebuild(from, async (more, upTo) => {
            const count = before + more;
            // Whose lease is over may be behind another who goes on from where that one came to.
            if (!(await isStillOurs())) return false;
            await form.note({ upTo, count, since });
            if (count - told >= TELL_EVERY) log(`${(told = count)} profiles are made anew`);
            return signal?.aborted !== true;
          });
        });
        if (answer !== null) continue;
        if (!hasWaited) log(FORM_ELSEWHERE);
        hasWaited = true;
        await new Promise((resolve) => setTimeout(resolve, FORM_AGAIN_MS));
      }
    },
  };
}
