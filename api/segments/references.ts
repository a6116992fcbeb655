import {
  ReferenceCycle,
  SegmentTooLarge,
  SegmentTooSlow,
  UnknownReference,
} from '../../domain/audience/audience-errors.ts';
import type { ReferenceUser } from '../../domain/ports/segments.ts';
import type { Fault, Segment } from '../../domain/audience/segment.ts';
import type { ApiDeps } from '../deps.ts';
import { Problem, type ProblemCode } from '../http/problem.ts';

interface Place {
  kind: 'segment' | 'list';
  id: string;
  pointer: string;
}

/** @returns every place of a segment that refers to a saved segment or a list */
export function placesOf(segment: Segment, pointer: string): Place[] {
  if ('all' in segment) return segment.all.flatMap((part, i) => placesOf(part, `${pointer}/all/${i}`));
  if ('any' in segment) return segment.any.flatMap((part, i) => placesOf(part, `${pointer}/any/${i}`));
  if ('not' in segment) return placesOf(segment.not, `${pointer}/not`);
  if ('segment' in segment) return [{ kind: 'segment', id: segment.segment, pointer: `${pointer}/segment` }];
  if ('inList' in segment) return [{ kind: 'list', id: segment.inList, pointer: `${pointer}/inList` }];
  return [];
}

/** @returns a fault for each reference to what is not there */
export async function referenceFaults(
  deps: Pick<ApiDeps, 'segments' | 'lists'>,
  segment: Segment | undefined,
  pointer: string,
): Promise<Fault[]> {
  const places = segment === undefined ? [] : placesOf(segment, pointer);
  const ids = (kind: Place['kind']): string[] => [
    ...new Set(places.filter((place) => place.kind === kind).map((place) => place.id)),
  ];
  const existing = async (kind: Place['kind']): Promise<Map<string, string>> => {
    const wanted = ids(kind);
    if (wanted.length === 0) return new Map();
    return kind === 'segment' ? deps.segments.names(wanted) : deps.lists.names(wanted);
  };
  const [segments, lists] = await Promise.all([existing('segment'), existing('list')]);
  return places
    .filter(({ kind, id }) => !(kind === 'segment' ? segments : lists).has(id))
    .map(({ kind, id, pointer: at }) => ({ pointer: at, detail: `there is no ${kind} ${id}` }));
}

/**
 * Carries out what judges or saves a segment, and names the place in it that keeps it from being done.
 *
 * @param code of the problem when something is wrong with the segment
 */
export async function withSegment<T>(
  segment: Segment | undefined,
  pointer: string,
  act: () => Promise<T>,
  code: ProblemCode = 'validation_failed',
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const places = segment === undefined ? [] : placesOf(segment, pointer);
    const at = (kind: UnknownReference['kind'], id: string | undefined): string =>
      places.find((place) => place.kind === kind && place.id === id)?.pointer ?? pointer;
    if (error instanceof UnknownReference && error.kind === 'webhook')
      throw new Problem(code, undefined, [{ pointer: '/what/webhookId', detail: error.message }]);
    if (error instanceof UnknownReference)
      throw new Problem(code, undefined, [{ pointer: at(error.kind, error.id), detail: error.message }]);
    if (error instanceof ReferenceCycle)
      throw new Problem(code, undefined, [
        { pointer: at('segment', error.chain[1]?.id), detail: error.message },
      ]);
    if (error instanceof SegmentTooLarge)
      throw new Problem(code, undefined, [{ pointer, detail: error.message }]);
    if (error instanceof SegmentTooSlow)
      throw new Problem(
        'segment_too_slow',
        `${error.message}; narrow it down, by a shorter period or with fewer conditions on properties of events`,
      );
    throw error;
  }
}

/** @returns the problem of what cannot be deleted, with who uses it */
export function inUse(what: string, users: ReferenceUser[]): Problem {
  const detail = `${what} is used by ${users.map(({ kind, name }) => `the ${kind} “${name}”`).join(', ')}`;
  return new Problem('in_use', detail, [], {}, { users });
}
