/** @returns one clear line about why a process could not start */
export function startFailure(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name.startsWith('Mongo'))
    return `Beckon could not start: MongoDB cannot be reached: ${text}`;
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return 'Beckon could not start: its port is taken; set PORT to another one (0 takes a free one)';
  }
  return `Beckon could not start: ${text}`;
}
