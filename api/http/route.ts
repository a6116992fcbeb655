import type { Request } from 'express';
import type { z } from 'zod';

/** What a handler is given: everything parsed by the route's own schemas. */
export interface RouteCall<Params, Query, Body> {
  params: Params;
  query: Query;
  body: Body;
  /** Of a route that declares one: the body's bytes as they come; reading slowly slows the sender down. */
  stream: AsyncIterable<Uint8Array>;
  request: Request;
  /** The id of a thing that the call creates: the same each time the call is repeated with its idempotency key. */
  idOf(thing: string): string;
}

export interface RouteAnswer {
  status: number;
  /** JSON, or bytes whose `Content-Type` stands in the headers. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** One call of the API: mounted on Express and described in the OpenAPI document from the same words. */
export interface Route {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With parameters as `:name`. */
  path: string;
  tag: string;
  summary: string;
  description?: string | undefined;
  /** `key`: a bearer key; `site`: an allowed web origin instead; `open`: anyone. */
  access: 'key' | 'site' | 'open';
  params?: z.ZodObject | undefined;
  query?: z.ZodObject | undefined;
  body?: z.ZodType | undefined;
  /** Bodies that work, by name. */
  examples?: Record<string, { summary: string; value: unknown }> | undefined;
  /** Largest body in bytes; default 256 KiB. */
  maxBody?: number | undefined;
  /**
   * Instead of `body`: a body of this type that is never held as a whole. Such a call must be harmless to
   * repeat, and takes no idempotency key: a body that may be large is not gone through twice to know it again.
   */
  stream?: { type: string; maxBytes: number; description: string; example: string } | undefined;
  /** Status → what it answers; `type` is its media type where that is not JSON's. */
  answers: Record<number, { description: string; schema?: z.ZodType | undefined; type?: string | undefined }>;
  /** How an `open` route that asks for proof of its own is called, by the names of the OpenAPI document. */
  scheme?: 'ApplePushNotifications' | undefined;
  handle(call: RouteCall<never, never, never>): Promise<RouteAnswer>;
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** Declares a route; the handler's types follow from the schemas. */
export function defineRoute<
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  route: Omit<Route, 'params' | 'query' | 'body' | 'handle'> & {
    params?: P;
    query?: Q;
    body?: B;
    handle(call: RouteCall<Parsed<P>, Parsed<Q>, Parsed<B>>): Promise<RouteAnswer>;
  },
): Route {
  return route;
}
