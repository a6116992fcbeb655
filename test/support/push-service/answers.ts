import type { ReceivedPush } from './received-push.ts';

/**
 * How a push is answered instead of 201. `hang` takes the request and never answers;
 * `drop` cuts the connection.
 */
export type Answer =
  { status: number; retryAfter?: string; headers?: Record<string, string>; body?: string } | 'hang' | 'drop';

export interface AnswerRule {
  answer: Answer;
  /** Only pushes for this subscription: its endpoint or its id. */
  subscription?: string;
  /** Only pushes for which this holds. */
  when?: (push: ReceivedPush) => boolean;
  /** After so many pushes the rule is over; absent: never. */
  times?: number;
}

export interface AnswerBook {
  /** The newest rule that fits wins. The function that is given back takes the rule away. */
  add(rule: AnswerRule): () => void;
  /** The answer for a push, 201 without a rule; counts towards the rule's `times`. */
  take(push: ReceivedPush): Answer;
}

export function createAnswerBook(): AnswerBook {
  const rules: { rule: AnswerRule; left: number }[] = [];

  return {
    add(rule) {
      const entry = { rule, left: rule.times ?? Infinity };
      rules.unshift(entry);
      return () => {
        entry.left = 0;
      };
    },
    take(push) {
      const entry = rules.find(({ rule, left }) => left > 0 && fits(rule, push));
      if (!entry) return { status: 201 };
      entry.left -= 1;
      return entry.rule.answer;
    },
  };
}

function fits(rule: AnswerRule, push: ReceivedPush): boolean {
  if (rule.subscription !== undefined && ![push.subscriptionId, push.endpoint].includes(rule.subscription)) {
    return false;
  }
  return rule.when?.(push) ?? true;
}
