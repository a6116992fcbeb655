import { expect } from 'chai';
import { z } from 'zod';
import { allRoutes } from '../../../api/app.ts';
import type { ApiDeps } from '../../../api/deps.ts';
import { duration, properties, text } from '../../../api/http/fields.ts';
import { faultsOf } from '../../support/faults-of.ts';

describe('the faults of a body', () => {
  it('say in words of our own what a name, an id and a kind must be', () => {
    const schema = z.strictObject({
      pairs: z.record(text(5), z.string()),
      id: z.uuid(),
      day: z.iso.date(),
      part: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('a') }),
        z.object({ kind: z.literal('b') }),
      ]),
    });
    const body = { pairs: { 'too/long': 'x' }, id: '7', day: 'monday', part: { kind: 'c' } };
    expect(faultsOf(schema, body)).to.deep.equal([
      '/pairs/too~1long: its name must not be longer than 5 characters',
      '/id: must be a UUID such as 0f9e0c1d-3b57-4f2b-8f0b-6f1f6d6a2a51',
      '/day: must be a date such as 2027-12-31',
      '/part/kind: must be one of a, b',
    ]);
  });

  it('say of what there is too much or too little', () => {
    const schema = z.strictObject({
      labels: z.array(z.string()).max(2),
      pair: z.tuple([z.string(), z.string()]),
      one: z.array(z.string()).min(1),
      short: z.string().max(3),
      many: z.number().max(7),
      few: z.number().min(2),
    });
    const body = { labels: ['a', 'b', 'c'], pair: ['x'], one: [], short: 'abcd', many: 8, few: 1 };
    expect(faultsOf(schema, body)).to.deep.equal([
      '/labels: must have at most 2 entries',
      '/pair: must have at least 2 entries',
      '/one: must have at least 1 entry',
      '/short: must have at most 3 characters',
      '/many: must be at most 7',
      '/few: must be at least 2',
    ]);
  });

  it('say of a reserved name that it is one, and of another what a name must be', () => {
    const value = JSON.parse('{"p":{"constructor":1,"a":{"prototype":1},"__proto__":1,"$x":1}}') as unknown;
    const reserved = 'is a reserved name, as constructor, prototype and __proto__ are';
    expect(faultsOf(z.strictObject({ p: properties }), value)).to.have.members([
      `/p/constructor: ${reserved}`,
      `/p/a/prototype: ${reserved}`,
      `/p/__proto__: ${reserved}`,
      '/p/$x: is not a property name we take (1 to 128 characters, no leading $, no NUL)',
    ]);
  });

  it('name how long a duration may be where that is what is wrong', () => {
    const schema = z.strictObject({ within: duration, delay: duration });
    expect(faultsOf(schema, { within: '3651d', delay: 'soon' })).to.deep.equal([
      '/within: must be a duration from 1s to 3650d, which is ten years',
      '/delay: must be a duration such as 30s, 10m, 2h or 3d',
    ]);
  });

  it('say that there is no body, whatever the schema would say', () => {
    const kinds = z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') })], { error: 'must be a' });
    for (const schema of [z.object({}), kinds])
      expect(faultsOf(schema, undefined)).to.deep.equal([': the body is required']);
    expect(faultsOf(z.object({}), null)).to.deep.equal([': must be an object']);
    expect(faultsOf(z.object({}).default({}), undefined)).to.deep.equal([]);
  });
});

describe('the bodies that the OpenAPI document shows', () => {
  // What the routes are made of is not used before they are called.
  const routes = allRoutes({ webhookRefusal: () => null } as unknown as ApiDeps);
  const routeOf = (method: string, path: string): (typeof routes)[number] | undefined =>
    routes.find((one) => one.method === method && one.path === path);

  it('are taken by their calls', () => {
    const shown = routes.filter(({ examples }) => examples !== undefined);
    expect(shown.length).to.be.at.least(15);
    for (const { method, path, body, examples } of shown) {
      for (const [name, { value }] of Object.entries(examples ?? {}))
        expect(body && faultsOf(body, value), `${method} ${path} ${name}`).to.deep.equal([]);
    }
  });

  it('are there for each transport of a subscription, each kind of campaign, and each change of a segment', () => {
    const names = (method: string, path: string): string[] =>
      Object.keys(routeOf(method, path)?.examples ?? {});
    expect(names('post', '/v1/subscriptions')).to.have.members(['vapid', 'fcmLegacy', 'apns']);
    expect(names('put', '/v1/segments/:id')).to.not.be.empty;
    for (const call of ['preview', 'test'])
      expect(names('post', `/v1/campaigns/:id/${call}`), call).to.include.members(['live', 'past', 'api']);
  });

  it('may be left out where all of the body may', () => {
    for (const path of ['/v1/sites/:id/rotate-vapid', '/v1/campaigns/:id/preview', '/v1/campaigns/:id/test'])
      expect(routeOf('post', path)?.body?.safeParse(undefined).success, path).to.equal(true);
  });
});
