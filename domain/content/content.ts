import type { Urgency } from '../delivery/outcome.ts';

/** The texts of a web push; each may hold Liquid expressions. */
export interface WebPushTexts {
  title: string;
  body?: string | undefined;
  url?: string | undefined;
  image?: string | undefined;
  icon?: string | undefined;
  badge?: string | undefined;
  actions?: { title: string; url?: string | undefined }[] | undefined;
  data?: Record<string, string> | undefined;
}

/** By language tag, such as `de` or `pt-BR`: what differs from the texts beside it. */
export type ByLanguage = Record<string, Partial<WebPushTexts>>;

/** One of several contents that are tried side by side. */
export interface Variant {
  /** Names it in statistics; unique in its campaign. */
  name: string;
  /** Its share is its weight by the sum of all weights. */
  weight: number;
  /** What differs from the content of the campaign. */
  content: Partial<WebPushTexts> & { languages?: ByLanguage | undefined };
}

/** From when on only the best variant is sent. */
export interface WinnerRule {
  /** Counted from the start of the campaign or the edit that brought it, of past behaviour from the first run with it. */
  after: string;
  /** The surest share of messages with at least one such receipt decides; a tie goes to the first one named. */
  by: 'clicked' | 'viewed';
  /**
   * Past behaviour: the percentage of the audience that the variants are tried with; the others wait until the
   * winner is known. Absent: nobody waits, and the winner counts from the next run on.
   */
  sample?: number | undefined;
}

/** The variant that alone is sent since it won. */
export interface Winner {
  /** What it won: names the rule, and the texts of all variants. */
  contest: string;
  variant: string;
  at: Date;
}

/** Parameters added to every http(s) link that does not have them already; each may hold Liquid expressions. */
export interface UtmParameters {
  source?: string | undefined;
  medium?: string | undefined;
  campaign?: string | undefined;
  term?: string | undefined;
  content?: string | undefined;
}

/** What a web push shows, and how it travels. */
export interface WebPushContent extends WebPushTexts {
  ttl?: string | undefined;
  requireInteraction?: boolean | undefined;
  urgency?: Urgency | undefined;
  /** What has the same topic replaces each other, underway and on the screen; absent: each message has its own. */
  topic?: string | undefined;
  languages?: ByLanguage | undefined;
  variants?: Variant[] | undefined;
  winner?: WinnerRule | undefined;
  utm?: UtmParameters | undefined;
}

/** What a webhook tells of each profile, by the names that a campaign chooses them under. */
export const WEBHOOK_FIELDS = [
  'email',
  'identity',
  'objectId',
  'profileData',
  'eventProperties',
  'pushToken',
] as const;
export type WebhookField = (typeof WEBHOOK_FIELDS)[number];

/** What a webhook is told: the standard payload, or with `body` a text of the campaign's own. */
export interface WebhookContent {
  /** The webhook target that it goes to. */
  webhookId: string;
  /** What each profile of the standard payload has; absent: all, `eventProperties` of live campaigns only. */
  fields?: WebhookField[] | undefined;
  /** The profile properties in `ProfileData`; absent: all. */
  properties?: string[] | undefined;
  /** Whoever lacks one of these cannot be reached. */
  required?: WebhookField[] | undefined;
  /** `key_values` of the standard payload; may hold Liquid expressions of `campaign.*` and `site.*`. */
  keyValues?: Record<string, string> | undefined;
  /** A Liquid template in the place of the standard payload; each message is a request of its own then. */
  body?: string | undefined;
  /** Of the standard payload: how many profiles go into a request, and how long live ones wait for each other. */
  batch?: { size?: number | undefined; maxWait?: string | undefined } | undefined;
  ttl?: string | undefined;
}

/** How many profiles go into a request where the campaign does not say. */
export const DEFAULT_BATCH_SIZE = 100;
export const MAX_BATCH_SIZE = 1_000;
/** How long live messages wait to travel together, where the campaign does not say, in milliseconds. */
export const DEFAULT_BATCH_WAIT_MS = 250;
export const MAX_BATCH_WAIT_MS = 5_000;
/** How many keys the `data` of a web push may have: each is a text that is rendered for every message. */
export const MAX_DATA_KEYS = 20;
