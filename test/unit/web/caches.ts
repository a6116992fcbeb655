/** A browser's caches, of which one is used, and what is in it by address. */
export function createCaches(): { caches: object; kept: Map<string, string> } {
  const kept = new Map<string, string>();
  const cache = {
    match(address: string) {
      const text = kept.get(address);
      return Promise.resolve(text === undefined ? undefined : new Response(text));
    },
    async put(address: string, response: Response) {
      kept.set(address, await response.text());
    },
    delete: (address: string) => Promise.resolve(kept.delete(address)),
  };
  return { caches: { open: () => Promise.resolve(cache) }, kept };
}
