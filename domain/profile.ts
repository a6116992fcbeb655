/** A person. `id` is ours (the API calls it `objectId`), `identity` the customer's own. */
export interface Profile {
  id: string;
  identity?: string | undefined;
  email?: string | undefined;
  name?: string | undefined;
  timezone?: string | undefined;
  language?: string | undefined;
  country?: string | undefined;
  testProfile: boolean;
  properties: Record<string, unknown>;
  createdAt: Date;
  updatedAt: Date;
}

/** @returns the free properties, in which a named field stands for itself alone: absent, it hides a property too */
export function namedOver<Field extends string>(
  properties: Record<string, unknown>,
  named: Partial<Record<Field, unknown>>,
  fields: readonly Field[],
): Record<string, unknown> {
  const scope = { ...properties };
  for (const field of fields) {
    if (named[field] === undefined) delete scope[field];
    else scope[field] = named[field];
  }
  return scope;
}

/** The named fields of a profile; a condition on one of these names never means a property. */
export const PROFILE_FIELDS = [
  'identity',
  'email',
  'name',
  'timezone',
  'language',
  'country',
  'testProfile',
] as const;

/** @returns what a condition on a profile sees: its own properties, and in the place of some the named fields */
export function conditionScope(profile: Profile): Record<string, unknown> {
  return namedOver(profile.properties, profile, PROFILE_FIELDS);
}

/** @returns what `profile.*` in a template sees: the named fields, and `profile.<property>` beside them */
export function templateScope(profile: Profile): Record<string, unknown> {
  return { ...conditionScope(profile), objectId: profile.id, properties: profile.properties };
}
