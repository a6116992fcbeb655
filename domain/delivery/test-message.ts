import type { DeliveryOutcome } from './outcome.ts';

/** Test messages have no row: they are told from real ones by their id alone. */
const PREFIX = 'test-';

/** @returns the id of what one test sends to one profile; the same for each of its devices */
export function testMessageId(testId: string, profileId: string): string {
  return `${PREFIX}${testId}-${profileId}`;
}

/** @returns whether the id is that of a test message, of which nothing is recorded or counted */
export function isTestMessage(messageId: string): boolean {
  return messageId.startsWith(PREFIX);
}

export interface TestSendInput {
  campaignId: string;
  /** Names the test; its messages' ids hold it. */
  testId: string;
  profileIds: string[];
  /** What fills `event.*`, for live campaigns. */
  event?: { name: string; properties: Record<string, unknown>; timeMs: number } | undefined;
  /** What fills `data.*`, for API-triggered campaigns. */
  data?: Record<string, unknown> | undefined;
}

/** What a test came to for one profile; `reason` says why no device took it. */
export interface TestSendResult {
  profileId: string;
  sent: boolean;
  reason?: string;
  detail?: string;
  devices: {
    subscriptionId: string;
    outcome: DeliveryOutcome | { kind: 'notBegun' };
    /** Webhooks: what was answered, cut to its first kilobytes. */
    answer?: { status: number; body: string; truncated: boolean } | undefined;
    detail?: string | undefined;
  }[];
}
