/** Thrown when a device that one visitor registered is to be taken over or opted out by another. */
export class OtherVisitorError extends Error {
  constructor() {
    super('the device was registered by another visitor');
    this.name = 'OtherVisitorError';
  }
}

/** Thrown when the website push id of a site is that of another one. */
export class WebsitePushIdTakenError extends Error {
  constructor() {
    super('the website push id is that of another site');
    this.name = 'WebsitePushIdTakenError';
  }
}
