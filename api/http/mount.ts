import { createHash } from 'node:crypto';
import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import { VaultLockedError } from '../../domain/vault-errors.ts';
import type { IdempotencyRepository } from '../../domain/ports/access.ts';
import type { Log } from '../../domain/ports/services.ts';
import { derivedId, newId } from './ids.ts';
import { Problem, problemDocument, PROBLEMS } from './problem.ts';
import type { Route, RouteAnswer } from './route.ts';
import { requireStream, streamOf } from './stream.ts';
import { parseOrThrow } from './validate.ts';

const DEFAULT_BODY_BYTES = 256 * 1024;
const IDEMPOTENCY_LEASE_MS = 60_000;
/** Deeper than anything we take, and far from what would exhaust the stack. */
const MAX_NESTING = 64;

/** Who calls: resolved by the access check of the route. */
export interface Caller {
  keyId: string;
}

export interface MountDeps {
  /** @throws Problem `unauthorized` */
  authenticate(request: Request): Promise<Caller>;
  idempotency: IdempotencyRepository;
  log: Log;
}

/** Mounts the routes: access, body, validation, idempotency, handler, in that order; then 405 for the rest. */
export function mountRoutes(router: Router, routes: Route[], deps: MountDeps): void {
  for (const route of routes) {
    const parseJson = express.json({
      limit: route.maxBody ?? DEFAULT_BODY_BYTES,
      type: () => true,
      strict: false,
      verify: (_request, _response, body) => {
        if (nestingOf(body) > MAX_NESTING) {
          const detail = `nests deeper than ${MAX_NESTING} levels`;
          throw new Problem('validation_failed', undefined, [{ pointer: '', detail }]);
        }
      },
    });
    const steps = route.stream ? [requireStream(route.stream)] : route.body ? [requireJson, parseJson] : [];
    router[route.method](
      route.path,
      checkAccess(route, deps),
      ...steps,
      async (request: Request, response: Response) => {
        send(response, await call(route, request, deps));
      },
    );
  }
  const methods = new Map<string, Set<string>>();
  for (const route of routes) {
    const known = methods.get(route.path) ?? new Set<string>();
    known.add(route.method.toUpperCase());
    methods.set(route.path, known);
  }
  for (const [path, allowed] of methods) {
    router.all(path, (request: Request) => {
      const allow = [...allowed].join(', ');
      throw new Problem('method_not_allowed', `${request.path} takes only ${allow}`, [], {
        Allow: allow,
      });
    });
  }
}

function checkAccess(route: Route, deps: MountDeps) {
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    if (route.access === 'key')
      (response.locals as { caller?: Caller }).caller = await deps.authenticate(request);
    next();
  };
}

function requireJson(request: Request, _response: Response, next: NextFunction): void {
  // A body without a type is taken as JSON; one that says it is something else is refused.
  const type = request.headers['content-type'];
  if (type !== undefined && !/^application\/(json|[\w.+-]*\+json)\b/i.test(type)) {
    throw new Problem('unsupported_media_type', `got ${type}`);
  }
  // JSON that travels is UTF-8 (RFC 8259 section 8.1), which is also what the look at its nesting reads.
  const charset = /;\s*charset=\s*"?([^\s";]+)/i.exec(type ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new Problem('unsupported_media_type', `the body must be UTF-8, not ${charset}`);
  }
  next();
}

/** @returns how deep the arrays and objects of a JSON text nest; it is looked at before anything recurses into it */
function nestingOf(body: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let inText = false;
  for (let i = 0; i < body.length; i += 1) {
    const byte = body[i];
    if (inText) {
      if (byte === 0x5c) i += 1;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, (depth += 1));
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return deepest;
}

async function call(route: Route, request: Request, deps: MountDeps): Promise<RouteAnswer> {
  const params = route.params ? parseOrThrow(route.params, request.params, 'path') : undefined;
  const query = route.query ? parseOrThrow(route.query, { ...request.query }, 'query') : undefined;
  const body = route.body ? parseOrThrow(route.body, request.body, 'body') : undefined;
  if (route.stream) return callWithStream(route, route.stream, request, { params, query });
  const key = route.access === 'key' && route.method !== 'get' ? idempotencyKeyOf(request) : undefined;
  const caller = (request.res?.locals as { caller?: Caller }).caller;
  const scope = key === undefined ? undefined : `${caller?.keyId ?? ''}:${key}`;
  // A repeat of a call that broke off half-way makes the same thing again, not a second one. The request itself is
  // part of it: another call that uses the key again once it is forgotten makes something else.
  const print = fingerprint(request);
  const idOf = (part: string): string =>
    scope === undefined ? newId() : derivedId('idempotency', scope, print, part);
  const run = (): Promise<RouteAnswer> => route.handle({ params, query, body, request, idOf } as never);
  return scope === undefined ? run() : once(deps, scope, print, run);
}

/** What the handler left of the body is thrown away, so that a caller who still sends gets the answer. */
async function callWithStream(
  route: Route,
  { maxBytes }: { maxBytes: number },
  request: Request,
  parsed: object,
): Promise<RouteAnswer> {
  try {
    return await route.handle({
      ...parsed,
      request,
      stream: streamOf(request, maxBytes),
      idOf: newId,
    } as never);
  } finally {
    request.resume();
  }
}

function idempotencyKeyOf(request: Request): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(key)) {
    throw new Problem('invalid_header', 'Idempotency-Key must be 1 to 200 printable ASCII characters');
  }
  return key;
}

function fingerprint(request: Request): string {
  const text = JSON.stringify([request.method, request.originalUrl, request.body ?? null]);
  return createHash('sha256').update(text).digest('base64url');
}

/** Carries a call out once for its key, and answers every repeat with what the first one answered. */
async function once(
  deps: MountDeps,
  key: string,
  print: string,
  run: () => Promise<RouteAnswer>,
): Promise<RouteAnswer> {
  const begun = await deps.idempotency.begin(key, print, IDEMPOTENCY_LEASE_MS);
  switch (begun.kind) {
    case 'differs':
      throw new Problem('idempotency_key_reused');
    case 'running':
      throw new Problem('request_in_progress', undefined, [], { 'Retry-After': '1' });
    case 'done':
      return { status: begun.status, body: begun.body, headers: { 'Idempotent-Replay': 'true' } };
    case 'begun':
      break;
  }
  let answer: RouteAnswer;
  try {
    answer = await run();
  } catch (error) {
    // Nothing was carried out, or it may be carried out again: the key is free for the next try.
    await deps.idempotency.abandon(key, begun.token);
    throw error;
  }
  // As it goes over the wire: a field that is undefined is absent, and not null in a replay.
  const body: unknown = JSON.parse(JSON.stringify(answer.body ?? null));
  await deps.idempotency.finish(key, begun.token, answer.status, body);
  return answer;
}

function send(response: Response, answer: RouteAnswer): void {
  response.status(answer.status).set(answer.headers ?? {});
  if (answer.body === undefined || answer.body === null) response.end();
  else if (Buffer.isBuffer(answer.body)) response.send(answer.body);
  else response.json(answer.body);
}

/** The last middleware: whatever was thrown becomes a problem document. */
export function errorMiddleware(log: Log) {
  return (error: unknown, request: Request, response: Response, next: NextFunction): void => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const problem = toProblem(error);
    if (problem.code === 'internal_error')
      log.error({ err: error, method: request.method, path: request.path }, 'a call failed');
    response
      .status(PROBLEMS[problem.code].status)
      .set(problem.headers)
      .type('application/problem+json')
      .send(JSON.stringify(problemDocument(problem)));
  };
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof VaultLockedError) return new Problem('secret_key_missing', error.message);
  const { type, name, code } = (typeof error === 'object' && error !== null ? error : {}) as {
    type?: unknown;
    name?: unknown;
    code?: unknown;
  };
  if (type === 'entity.too.large') return new Problem('body_too_large');
  if (type === 'entity.parse.failed')
    return new Problem('malformed_json', error instanceof Error ? error.message : undefined);
  if (type === 'encoding.unsupported' || type === 'charset.unsupported')
    return new Problem('unsupported_media_type');
  if (type === 'request.size.invalid' || type === 'request.aborted')
    return new Problem('malformed_json', 'the body broke off');
  if (typeof code === 'string' && /^(Z_|ERR_BROTLI|ERR__ERROR_FORMAT)/.test(code))
    return new Problem('malformed_json', 'the body is not packed as its Content-Encoding says');
  if (error instanceof URIError) return new Problem('not_found', 'the address holds a broken percent escape');
  if (
    typeof name === 'string' &&
    /^Mongo(ose)?(ServerSelection|Network|NetworkTimeout|NotConnected|PoolCleared|OperationTimeout)Error$/.test(
      name,
    )
  ) {
    return new Problem('unavailable');
  }
  return new Problem('internal_error');
}
