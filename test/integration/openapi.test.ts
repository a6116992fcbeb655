import { expect } from 'chai';
import { allRoutes } from '../../api/app.ts';
import type { ApiDeps } from '../../api/deps.ts';
import { PROBLEMS } from '../../api/http/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';

type Json = Record<string, any>;

describe('the OpenAPI document', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let document: Json;

  before(async () => {
    stack = await startStack({ workers: 0 });
    document = (await stack.client.get('/openapi.json')).body as Json;
  });
  after(() => stack?.close());

  const operations = (): [string, Json][] =>
    Object.entries(document.paths as Json).flatMap(([path, methods]) =>
      Object.entries(methods as Json).map(([method, operation]): [string, Json] => [
        `${method} ${path}`,
        operation,
      ]),
    );

  /** Every object of the document, with its place. */
  function* walk(value: unknown, at: string): Generator<[string, Json]> {
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value)) yield [at, value];
    for (const [key, part] of Object.entries(value)) yield* walk(part, `${at}/${key}`);
  }

  it('is of version 3.1 and holds every route, and no other', () => {
    expect(document.openapi).to.match(/^3\.1\.\d$/);
    expect(document.info).to.include.keys('title', 'version');
    // What the routes are made of is not used before they are called.
    const routes = allRoutes({} as ApiDeps).map(
      ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
    );
    expect(
      operations()
        .map(([name]) => name)
        .sort(),
    ).to.deep.equal([...routes].sort());
    expect(new Set(routes).size).to.equal(routes.length);
  });

  it('has no reference that leads nowhere', () => {
    const references = [...walk(document, '#')].filter(([, value]) => typeof value.$ref === 'string');
    expect(references.length).to.be.above(10);
    for (const [at, { $ref }] of references) {
      let target: unknown = document;
      for (const part of ($ref as string).replace(/^#\//, '').split('/')) {
        target = (target as Json | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
      }
      expect(target, `${at}: ${$ref}`).to.be.an('object');
    }
  });

  it('describes each parameter of a path, and none that is not in it', () => {
    for (const [name, operation] of operations()) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      const described = ((operation.parameters ?? []) as Json[]).filter((one) => one.in === 'path');
      expect(
        described.map((one) => one.name as string),
        name,
      ).to.deep.equal(inPath);
      for (const one of described)
        expect(one, name).to.include({ required: true }).and.to.have.property('schema');
    }
  });

  it('says of each call what it is for, what it answers, and who may', () => {
    for (const [name, operation] of operations()) {
      expect(operation.summary, name).to.be.a('string').that.is.not.empty;
      expect(operation.tags, name).to.have.length(1);
      const { default: problem, ...answers } = operation.responses as Json;
      expect(Object.keys(problem.content as Json), name).to.deep.equal(['application/problem+json']);
      expect(Object.keys(answers).length, name).to.be.at.least(1);
      for (const answer of Object.values(answers)) expect(answer.description, name).to.be.a('string');
      const open =
        / \/(v1\/sdk\/|v1\/safari\/|v1\/icons\/|healthz|readyz)/.test(name) &&
        !name.includes('/registrations/');
      expect(operation.security !== undefined, name).to.equal(!open);
    }
  });

  it('says of what type an answer is that is no JSON, and how Safari proves who it is', () => {
    const typesOf = (path: string, method: string): string[] =>
      Object.keys(document.paths[path][method].responses['200'].content as Json);
    expect(typesOf('/v1/icons/{name}.png', 'get')).to.deep.equal(['image/png']);
    expect(typesOf('/v1/sdk/manifest.json', 'get')).to.deep.equal(['application/manifest+json']);
    for (const version of ['v1', 'v2']) {
      const at = `/v1/safari/${version}`;
      expect(typesOf(`${at}/pushPackages/{websitePushId}`, 'post')).to.deep.equal(['application/zip']);
      const registration = document.paths[`${at}/devices/{deviceToken}/registrations/{websitePushId}`];
      for (const method of ['post', 'delete']) {
        expect(registration[method].security).to.deep.equal([{ ApplePushNotifications: [] }]);
      }
    }
    const { securitySchemes } = document.components as Json;
    expect(securitySchemes.ApplePushNotifications).to.include({ in: 'header', name: 'Authorization' });
    for (const [name, { security = [] }] of operations()) {
      for (const scheme of (security as Json[]).flatMap((one) => Object.keys(one))) {
        expect(securitySchemes, name).to.have.property(scheme);
      }
    }
  });

  it('lists the codes of all problems', () => {
    expect(document.components.schemas.Problem.properties.code.enum).to.deep.equal(Object.keys(PROBLEMS));
  });

  it('keeps each schema to what JSON Schema knows: no stray ids, no dialects within', () => {
    for (const [at, value] of walk(document.components.schemas, '#/components/schemas')) {
      if (at.endsWith('/properties')) continue;
      expect(value, at).to.not.have.any.keys('$schema', '$defs', '$id');
    }
  });
});
