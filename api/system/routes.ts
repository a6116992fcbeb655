import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { defineRoute, type Route } from '../http/route.ts';

/** `/healthz` and `/readyz`. */
export function systemRoutes(deps: Pick<ApiDeps, 'readiness'>): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/healthz',
      tag: 'System',
      summary: 'Is the process alive',
      access: 'open',
      answers: { 200: { description: 'Alive', schema: z.object({ status: z.literal('ok') }) } },
      handle: () => Promise.resolve({ status: 200, body: { status: 'ok' } }),
    }),
    defineRoute({
      method: 'get',
      path: '/readyz',
      tag: 'System',
      summary: 'Can it do its work',
      description:
        'Ready while MongoDB answers: events are taken and kept also while Temporal is away, which is shown.',
      access: 'open',
      answers: {
        200: {
          description: 'Ready',
          schema: z.object({ ready: z.boolean(), checks: z.record(z.string(), z.boolean()) }),
        },
        503: { description: 'Not ready' },
      },
      async handle() {
        const checks = await deps.readiness();
        const ready = checks.mongodb === true;
        return { status: ready ? 200 : 503, body: { ready, checks } };
      },
    }),
  ];
}
