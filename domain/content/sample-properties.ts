import type { KnownProperty } from '../ports/properties.ts';

/** @returns an object with the first value that is known of each property; nested ones in their places */
export function sampleProperties(known: KnownProperty[]): Record<string, unknown> {
  const sample: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const { name, examples } of known) {
    if (examples.length === 0) continue;
    const path = name.split('.');
    const last = path.pop() ?? name;
    let parent: Record<string, unknown> | null = sample;
    for (const part of path) {
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
