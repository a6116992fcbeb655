/** Names that every object of JavaScript has: properties cannot be called so. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** What is said of one. */
export const RESERVED_NAME = 'is a reserved name, as constructor, prototype and __proto__ are';
