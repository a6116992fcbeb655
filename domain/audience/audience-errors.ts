/** Thrown when a segment could not be judged within its time. */
export class SegmentTooSlow extends Error {
  readonly afterMs: number;
  constructor(afterMs: number) {
    super(`the segment could not be judged within ${afterMs / 1000} s`);
    this.name = 'SegmentTooSlow';
    this.afterMs = afterMs;
  }
}

/** Thrown, or answered, when a saved segment, a list or a webhook target that is referred to is not there. */
export class UnknownReference extends Error {
  readonly kind: 'segment' | 'list' | 'webhook';
  readonly id: string;
  constructor(kind: 'segment' | 'list' | 'webhook', id: string) {
    super(`there is no ${kind} ${id}`);
    this.name = 'UnknownReference';
    this.kind = kind;
    this.id = id;
  }
}

/** Thrown when a saved segment would come to refer to itself. */
export class ReferenceCycle extends Error {
  /** The way round, beginning and ending with the segment itself. */
  readonly chain: { id: string; name: string }[];
  constructor(chain: { id: string; name: string }[]) {
    super(`refers to itself: ${chain.map(({ name }) => name).join(' → ')}`);
    this.name = 'ReferenceCycle';
    this.chain = chain;
  }
}

/** Thrown when a segment, with the saved ones in it, would be larger than can be judged. */
export class SegmentTooLarge extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'SegmentTooLarge';
  }
}
