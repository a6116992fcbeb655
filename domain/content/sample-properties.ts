import type { KnownProperty } from '../ports/properties.ts';

/** @returns an object with the first value that is known of each property; nested ones in their places */
export function sampleProperties(known: KnownProperty[]): Record<string, unknown> {
  const sample: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const { path, examples } of known) {
    const last = path.at(-1);
    if (examples.length === 0 || last === undefined) continue;
    let parent: Record<string, unknown> | null = sample;
    for (const part of path.slice(0, -1)) {
      const next: unknown = (parent[part] ??= Object.create(null));
      if (typeof next !== 'object' || next === null || Array.isArray(next)) {
        parent = null;
        break;
      }
      parent = next as Record<string, unknown>;
    }
    if (parent) parent[last] ??= examples[0];
  }
  // Templates and JSON know plain objects.
  return JSON.parse(JSON.stringify(sample)) as Record<string, unknown>;
}
