import type { Message } from '../delivery/message.ts';
import type { EventOrder } from '../event.ts';

/** The part of a row that decides what another opening event does. */
export type PassageState = Pick<Message, 'id' | 'state' | 'settledAt' | 'firstDueAt'> & {
  openedBy: EventOrder;
  event: EventOrder;
  closedBy?: EventOrder | undefined;
};

/** What an opening event comes to. */
export type OpeningDecision =
  | { kind: 'open' }
  /** This very event opened it before: a repeat of the step, which only makes sure that the workflow runs. */
  | { kind: 'alreadyOpened'; messageId: string; stillWaiting: boolean }
  | { kind: 'restart'; messageId: string }
  /** Reminders: this very event moved it before. A repeat of the step, which only makes sure that the workflow knows. */
  | { kind: 'alreadyMoved'; messageId: string }
  /** Reminders: it is moved to a date that has passed. */
  | { kind: 'withdraw'; messageId: string }
  | {
      kind: 'ignore';
      because:
        | 'alreadyOpen'
        | 'repeatedWhileOpen'
        | 'earlierThanPassage'
        // Reminders:
        | 'noDate'
        | 'pastDate'
        | 'movedByLater'
        | 'reminded';
    };
