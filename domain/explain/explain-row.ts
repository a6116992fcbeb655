import { isOpen, type Message } from '../delivery/message.ts';

/**
 * One that is under way tells more than a later one that came to nothing, such as that of another cart.
 *
 * @param rows the latest first
 * @returns the message whose steps are explained
 */
export function explainedRow(rows: Message[]): Message | undefined {
  return rows.find((one) => isOpen(one.state)) ?? rows[0];
}

/** @returns in words the call that named the profile of an API-triggered message */
export function callText({ request, createdAt }: Message): string {
  const kind = request?.transactional ? 'transactional call' : 'call';
  return `the ${kind} ${request?.sendId ?? ''} of ${createdAt.toISOString()}`;
}
