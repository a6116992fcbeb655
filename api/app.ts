import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { campaignExplainRoutes } from './campaigns/explain-route.ts';
import { campaignLifeRoutes } from './campaigns/life-routes.ts';
import { campaignOverviewRoutes } from './campaigns/overview-route.ts';
import { campaignPreviewRoutes } from './campaigns/preview-route.ts';
import { campaignReportRoutes } from './campaigns/report-routes.ts';
import { campaignRoutes } from './campaigns/routes.ts';
import { campaignSendRoutes } from './campaigns/send-route.ts';
import { campaignShelfRoutes } from './campaigns/shelf-routes.ts';
import { campaignTestRoutes } from './campaigns/test-route.ts';
import { campaignVersionRoutes } from './campaigns/version-routes.ts';
import type { ApiDeps } from './deps.ts';
import { eventRoutes } from './events/routes.ts';
import { createAuthenticate } from './http/authenticate.ts';
import { errorMiddleware, mountRoutes } from './http/mount.ts';
import { Problem } from './http/problem.ts';
import type { Route } from './http/route.ts';
import { iconRoutes } from './icons/routes.ts';
import { rollupRoutes } from './rollup/routes.ts';
import { listRoutes } from './lists/routes.ts';
import { profileRoutes } from './profiles/routes.ts';
import { propertyRoutes } from './properties/routes.ts';
import { safariRoutes } from './safari/routes.ts';
import { sdkRoutes } from './sdk/routes.ts';
import { scheduleRoutes } from './schedules/routes.ts';
import { settingsRoutes } from './settings/routes.ts';
import { segmentRoutes } from './segments/routes.ts';
import { siteRoutes } from './sites/routes.ts';
import { subscriptionRoutes } from './subscriptions/routes.ts';
import { webhookRoutes } from './webhooks/routes.ts';
import { docsRouter } from './system/docs.ts';
import { createMetrics } from './system/metrics.ts';
import { openApiDocument } from './system/openapi.ts';
import { systemRoutes } from './system/routes.ts';

/** What the pages of other sites load from us. */
export interface WebAssets {
  sdkJs: string;
  serviceWorkerJs: string;
}

/** @returns every call of the API, from which it is mounted and described */
export function allRoutes(deps: ApiDeps): Route[] {
  return [
    ...profileRoutes(deps),
    ...eventRoutes(deps),
    ...siteRoutes(deps),
    ...subscriptionRoutes(deps),
    ...campaignRoutes(deps),
    ...campaignLifeRoutes(deps),
    ...campaignReportRoutes(deps),
    ...campaignShelfRoutes(deps),
    ...campaignVersionRoutes(deps),
    ...segmentRoutes(deps),
    ...listRoutes(deps),
    ...campaignPreviewRoutes(deps),
    ...iconRoutes(deps),
    ...campaignTestRoutes(deps),
    ...campaignSendRoutes(deps),
    ...campaignOverviewRoutes(deps),
    ...campaignExplainRoutes(deps),
    ...propertyRoutes(deps),
    ...scheduleRoutes(deps),
    ...settingsRoutes(deps),
    ...webhookRoutes(deps),
    ...rollupRoutes(deps),
    ...sdkRoutes(deps),
    ...safariRoutes(deps),
    ...systemRoutes(deps),
  ];
}

/** @returns the Express application; it listens to nothing yet */
export function createApp(deps: ApiDeps, assets: WebAssets, version: string): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  const metrics = createMetrics();
  app.use((request, response, next) => {
    metrics.middleware(request, response, next);
  });
  app.use('/v1/sdk', crossOrigin);

  const routes = allRoutes(deps);
  const authenticate = createAuthenticate(deps.keys, () => Date.now());
  const router = express.Router({ caseSensitive: true });
  mountRoutes(router, routes, { authenticate, idempotency: deps.idempotency, log: deps.log });
  app.use(router);

  const document = openApiDocument(routes, version);
  app.get('/openapi.json', (_request, response) => {
    response.json(document);
  });
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  app.get('/sdk.js', (_request, response) => {
    sendScript(response, assets.sdkJs);
  });
  app.get('/service-worker.js', (_request, response) => {
    response.set('Service-Worker-Allowed', '/');
    sendScript(response, assets.serviceWorkerJs);
  });
  app.get('/', (_request, response) => {
    response.redirect('/docs/');
  });
  app.use('/docs', docsRouter());
  app.use((request) => {
    throw new Problem('not_found', `there is nothing at ${request.path}`);
  });
  app.use(errorMiddleware(deps.log));
  return app;
}

/** Browsers of any site may call the SDK's addresses, without credentials; each call checks its own right. */
function crossOrigin(request: Request, response: Response, next: NextFunction): void {
  response.set({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Headers': 'Content-Type',
    'Access-Control-Allow-Methods': 'POST, DELETE',
    'Access-Control-Max-Age': '86400',
  });
  if (request.method === 'OPTIONS') response.status(204).end();
  else next();
}

function sendScript(response: Response, text: string): void {
  response.set('Cache-Control', 'public, max-age=300').type('text/javascript').send(text);
}
