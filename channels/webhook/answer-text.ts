/** How much of an answer is kept. */
export const MAX_ANSWER_BYTES = 4_096;

/** Gathers the first bytes of an answer. */
export interface AnswerText {
  /** @returns how many bytes came so far */
  add(chunk: Buffer): number;
  /** @param ended whether the answer came whole */
  read(ended: boolean): { body: string; truncated: boolean };
}

/** Keeps the first 4 KiB, as text that can be shown: what is no UTF-8, and control characters, as `�`. */
export function createAnswerText(): AnswerText {
  const kept: Buffer[] = [];
  let received = 0;
  return {
    add(chunk) {
      const room = MAX_ANSWER_BYTES - received;
      // A copy: a part of a large chunk would keep the whole of it in memory.
      if (room > 0) kept.push(Buffer.from(chunk.subarray(0, room)));
      received += chunk.length;
      return received;
    },
    read(ended) {
      const truncated = !ended || received > MAX_ANSWER_BYTES;
      // A character that the cut goes through is left out.
      const text = new TextDecoder().decode(Buffer.concat(kept), { stream: truncated });
      // eslint-disable-next-line no-control-regex -- control characters are what it replaces
      return { body: text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '�'), truncated };
    },
  };
}
