import type { CampaignLabel, Gate } from '../campaign/campaign.ts';
import type { TemplateEscape } from '../content/template-output.ts';

/** What activities need beside repositories and channels; each is given at a composition root. */
export interface Clock {
  /** Epoch milliseconds, close to the database's clock. */
  nowMs(): number;
  /** Milliseconds that only ever grow, also while the process is stopped. */
  monotonicMs(): number;
}

export interface Randomness {
  /** In [0, 1). */
  fraction(): number;
  /** A fresh token that nobody else has. */
  token(): string;
}

/** What the texts of one message may take together: time and memory. Only the engine that made it can read it. */
export interface RenderBudget {
  readonly within: unknown;
}

export interface RenderTextOptions {
  /** Absent: the text has one of its own. */
  budget?: RenderBudget | undefined;
  /**
   * What the text is: its outputs are percent-encoded in an address and escaped as strings in JSON; default `none`,
   * plain text. The filter `raw` puts a value in as it is.
   */
  escape?: TemplateEscape | undefined;
}

/** Renders texts with Liquid expressions. */
export interface TemplateEngine {
  /** @returns the fault, or null when the text parses */
  check(text: string): string | null;
  /** @returns the paths of what the text reads, such as `['profile', 'name']`; of `a[b]` as far as it is known; none of a faulty text */
  references(text: string): string[][];
  /** @returns a budget for the texts of one message */
  budget(): RenderBudget;
  /**
   * Fills a template from the scope: own properties only, what is missing is empty. The word `now` in
   * `{{ 'now' | date: '%d.%m.' }}` is the scope's `now`, an ISO 8601 instant; dates are shown in UTC unless
   * the filter names a zone.
   *
   * @throws when the text does not render
   */
  render(text: string, scope: Record<string, unknown>, options?: RenderTextOptions): Promise<string> | string;
}

/** Signs what a browser must show when it reports about a message. */
export interface ReceiptSigner {
  /** @returns whether the token is the one signed for this message and subscription */
  verify(receiptKey: string, messageId: string, subscriptionId: string, token: string): boolean;
  sign(receiptKey: string, messageId: string, subscriptionId: string): string;
}

/** Knows whether a send may start. */
export interface GateKeeper {
  /** Reads the gate anew when the lease is about to run out. Says nothing about whether a send may start now. */
  refresh(campaignId: string): Promise<Gate>;
  /** @returns `open` only under a lease of at most 1 s, counted from before the gate was read */
  now(campaignId: string): Gate | 'unknown';
}

/** Tells running triggers that their row was closed. */
export interface TriggerSignals {
  close(
    trigger: { campaignId: string; profileId: string; messageId: string },
    outcome: string,
    text: string,
  ): Promise<void>;
}

/** Starts the queue of a live campaign, or wakes it. */
export interface QueueWaker {
  wakeQueue(campaign: CampaignLabel): Promise<void>;
}

export interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
