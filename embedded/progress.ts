/** One long step that is being shown. Ends exactly once. */
export interface ProgressStep {
  /** What is happening now, such as `42 %`; shown beside the elapsed time. */
  update(detail: string): void;
  end(result: string): void;
}

export interface Progress {
  step(label: string): ProgressStep;
}

export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
}

const ttyEveryMs = 250;
const lineEveryMs = 10_000;

/**
 * Shows long steps with the time they have taken: on a terminal one line that updates itself, otherwise a
 * line at the start, one every ten seconds and one at the end.
 */
export function createProgress(stream: ProgressStream, now: () => number = Date.now): Progress {
  return {
    step(label) {
      const startedAt = now();
      let detail = '';
      const text = () => {
        const seconds = Math.round((now() - startedAt) / 1000);
        return `${label}: ${detail === '' ? '' : `${detail}, `}${seconds} s`;
      };
      const show = () => stream.write(stream.isTTY === true ? `\r\x1b[2K${text()}` : `${text()}\n`);
      if (stream.isTTY !== true) stream.write(`${label}\n`);
      const timer = setInterval(show, stream.isTTY === true ? ttyEveryMs : lineEveryMs);
      timer.unref();
      return {
        update(next) {
          detail = next;
        },
        end(result) {
          clearInterval(timer);
          detail = result;
          stream.write(stream.isTTY === true ? `\r\x1b[2K${text()}\n` : `${text()}\n`);
        },
      };
    },
  };
}

/** For callers that want no output. */
export const silentProgress: Progress = { step: () => ({ update: () => {}, end: () => {} }) };
