import type { DeliveryOutcome } from './outcome.ts';

/** Where webhook campaigns go: an address with what each request to it carries. */
export interface WebhookTarget {
  id: string;
  name: string;
  method: 'POST' | 'PUT' | 'PATCH';
  /** http or https, without credentials. */
  url: string;
  /** Added to the URL, in order. */
  query: { name: string; value: string }[];
  headers: { name: string; value: string; /** Kept encrypted, and never shown. */ secret: boolean }[];
  contentType: 'json' | 'text';
  /** `whsec_` and base64, the newest first; every request is signed by each. Kept encrypted. */
  signingSecrets: string[];
  /** While there are two: until when the older one signs as well. */
  previousSecretUntil?: Date | undefined;
  /** Switched off: messages to it fail as `targetGone`. */
  disabled: boolean;
  limits: WebhookLimits;
  retries: WebhookRetries;
  createdAt: Date;
  updatedAt: Date;
}

/** @returns the address that requests go to; the query pairs of the target follow those of its URL */
export function targetAddress({ url, query }: Pick<WebhookTarget, 'url' | 'query'>): string {
  const address = new URL(url);
  for (const { name, value } of query) address.searchParams.append(name, value);
  return address.href;
}

export interface WebhookLimits {
  /** Requests under way at once, over all workers. */
  concurrency: number;
  /** Requests begun in any minute, over all workers; absent: as many as there are. */
  perMinute?: number | undefined;
  /** How long one request may take; a duration. */
  timeout: string;
}

/** When a request that was not taken is tried again: after `base`, then `factor` times as long, up to `cap`. */
export interface WebhookRetries {
  /** Tries altogether, the first included. */
  maxTries: number;
  base: string;
  factor: number;
  cap: string;
  /** The random share of a wait, 0 to 1. */
  jitter: number;
}

export const DEFAULT_WEBHOOK_LIMITS: WebhookLimits = { concurrency: 8, timeout: '10s' };
export const DEFAULT_WEBHOOK_RETRIES: WebhookRetries = {
  maxTries: 8,
  base: '5s',
  factor: 3,
  cap: '15m',
  jitter: 0.2,
};
/** The fence of a message leaves no request more time than this, in milliseconds. */
export const MAX_WEBHOOK_TIMEOUT_MS = 15_000;

/** One request that was made, as it is kept in the log. */
export interface WebhookAttempt {
  id: string;
  webhookId: string;
  campaignId: string;
  batchId: string;
  at: Date;
  durationMs: number;
  /** How many messages travelled in it. */
  messages: number;
  /** Which try of this batch it was, from 1. */
  try: number;
  outcome: DeliveryOutcome;
  /** The first kilobytes of what the target answered. */
  answer?: { status: number; body: string; truncated: boolean } | undefined;
  detail?: string | undefined;
}
