/** @returns one clear line about why a process could not start */
export function startFailure(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name.startsWith('Mongo')) return `MongoDB cannot be reached: ${text}`;
  return `Beckon could not start: ${text}`;
}
