import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { NextFunction, Request, Response } from 'express';

export interface Metrics {
  registry: Registry;
  /** Counts and times each call by route, never by address. */
  middleware(request: Request, response: Response, next: NextFunction): void;
}

/** @returns the figures of this process, for `/metrics` */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const labelNames = ['method', 'route', 'status'] as const;
  const seconds = new Histogram({
    name: 'beckon_http_request_seconds',
    help: 'Time that calls took',
    labelNames,
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers: [registry],
  });
  const calls = new Counter({
    name: 'beckon_http_requests_total',
    help: 'Calls',
    labelNames,
    registers: [registry],
  });
  return {
    registry,
    middleware(request, response, next) {
      const startedAt = performance.now();
      response.on('finish', () => {
        const route: unknown = (request.route as { path?: unknown } | undefined)?.path;
        const labels = {
          method: request.method,
          route: typeof route === 'string' ? route : 'none',
          status: String(response.statusCode),
        };
        calls.inc(labels);
        seconds.observe(labels, (performance.now() - startedAt) / 1000);
      });
      next();
    },
  };
}
