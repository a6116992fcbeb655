/** A query on profiles' documents. `ALWAYS` and `NEVER` are known without asking. */
export type Filter = Record<string, unknown>;

export const ALWAYS: Filter = Object.freeze({});
export const NEVER: Filter = Object.freeze({ _id: Object.freeze({ $in: Object.freeze([]) }) });

/** @returns a filter that every part must meet; no parts: everyone */
export function and(parts: Filter[]): Filter {
  if (parts.includes(NEVER)) return NEVER;
  const rest = parts.filter((part) => part !== ALWAYS);
  if (rest.length === 0) return ALWAYS;
  return rest.length === 1 ? rest[0]! : { $and: rest };
}

/** @returns a filter that one part must meet; no parts: no one */
export function or(parts: Filter[]): Filter {
  if (parts.includes(ALWAYS)) return ALWAYS;
  const rest = parts.filter((part) => part !== NEVER);
  if (rest.length === 0) return NEVER;
  return rest.length === 1 ? rest[0]! : { $or: rest };
}

/** @returns a filter for whoever does not meet the other */
export function none(part: Filter): Filter {
  if (part === ALWAYS) return NEVER;
  return part === NEVER ? ALWAYS : { $nor: [part] };
}
