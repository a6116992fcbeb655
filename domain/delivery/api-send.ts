import type { ApiAudience, CampaignSchedule } from '../campaign/campaign.ts';
import { parseDuration } from '../schedule/duration.ts';

/** How many recipients one call names, and how large the data of one of them may be, as JSON. */
export const MOST_RECIPIENTS = 1_000;
export const MOST_DATA = 32_768;

/** Someone whom a call names. */
export interface Recipient {
  identity?: string | undefined;
  objectId?: string | undefined;
  data?: Record<string, unknown> | undefined;
}

/** A recipient who is known, with what templates see as `data.*`. */
export interface Addressee {
  profileId: string;
  data: Record<string, unknown>;
}

/** A fault, and the path of its place in the call. */
export interface SendFault {
  path: (string | number)[];
  detail: string;
}

/**
 * Joins what a call says of all with what it says of each.
 *
 * @param profileIds by identity and by objectId, of those that exist
 * @returns whom it goes to, in the order of the call, and everything that keeps it from being taken
 */
export function addresseesOf(
  call: { recipients: Recipient[]; data?: Record<string, unknown> | undefined },
  audience: ApiAudience,
  profileIds: { byIdentity: ReadonlyMap<string, string>; existing: ReadonlySet<string> },
): { addressees: Addressee[]; faults: SendFault[] } {
  const faults: SendFault[] = [];
  const addressees: Addressee[] = [];
  const first = new Map<string, number>();
  for (const [i, { identity, objectId, data: own }] of call.recipients.entries()) {
    const place = ['recipients', i];
    const fault = (path: string[], detail: string): void =>
      void faults.push({ path: [...place, ...path], detail });
    const profileId =
      identity === undefined
        ? profileIds.existing.has(objectId ?? '')
          ? objectId
          : undefined
        : profileIds.byIdentity.get(identity);
    if (profileId === undefined) {
      const by = identity === undefined ? 'objectId' : 'identity';
      fault([by], `there is no profile with this ${by}`);
    } else if (first.has(profileId)) {
      fault([], `is the same profile as /recipients/${first.get(profileId)}`);
    } else first.set(profileId, i);

    const data = { ...call.data, ...own };
    for (const name of missingData(data, audience))
      fault(['data', name], 'is required by the campaign, here or in the data of the call');
    if (call.data !== undefined && own !== undefined && JSON.stringify(data).length > MOST_DATA)
      fault(['data'], 'must not be larger than 32 KiB together with the data of the call');
    if (profileId !== undefined) addressees.push({ profileId, data });
  }
  return { addressees, faults };
}

/** @returns the names that a campaign requires and that are not there, or null */
export function missingData(data: Record<string, unknown>, { requiredData = [] }: ApiAudience): string[] {
  const isThere = (name: string): boolean =>
    Object.hasOwn(data, name) && data[name] !== undefined && data[name] !== null;
  return [...new Set(requiredData)].filter((name) => !isThere(name));
}

/** @returns when the messages of a call are due, whatever quiet hours make of that */
export function dueOfCall({ delay }: Pick<CampaignSchedule, 'delay'>, nowMs: number): Date {
  return new Date(nowMs + (delay === undefined ? 0 : (parseDuration(delay) ?? 0)));
}
