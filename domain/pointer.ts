/** @returns a name as one part of a JSON pointer (RFC 6901) */
export function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
