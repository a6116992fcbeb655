/** Thrown when a secret cannot be sealed or opened, because there is no key for it or another one. */
export class VaultLockedError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'VaultLockedError';
  }
}
