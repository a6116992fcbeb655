/** Prints a piece of what a job says. */
export type Show = (text: string) => void;

export interface OutputTurns {
  /** @returns how the job of this index prints */
  show(index: number): Show;
  /** The job is over: what the next one has said is printed. */
  end(index: number): void;
}

/**
 * Lets jobs that run side by side print as if one ran after the other: the first that is not over is shown while
 * it runs, what the others say is kept until it is their turn.
 */
export function createTurns(jobs: number, print: Show): OutputTurns {
  const kept = Array.from({ length: jobs }, () => ({ text: [] as string[], isOver: false }));
  let turn = 0;
  return {
    show: (index) => (text) => {
      if (index <= turn) print(text);
      else kept[index]?.text.push(text);
    },
    end(index) {
      kept[index]!.isOver = true;
      for (; kept[turn]?.isOver === true; turn += 1)
        for (const text of kept[turn + 1]?.text.splice(0) ?? []) print(text);
    },
  };
}
