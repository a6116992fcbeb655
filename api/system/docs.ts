import express, { Router } from 'express';
import { getAbsoluteFSPath } from 'swagger-ui-dist';
import { PROBLEMS } from '../http/problem.ts';

/** `/docs`: the OpenAPI document to read and try, and `/docs/errors`: what each error code means. */
export function docsRouter(): Router {
  const router = Router();
  router.get('/', (request, response) => {
    if (!request.originalUrl.split('?')[0]?.endsWith('/')) response.redirect(301, '/docs/');
    else response.type('html').send(INDEX);
  });
  router.get('/errors', (_request, response) => {
    response.type('html').send(errorsPage());
  });
  router.use(express.static(getAbsoluteFSPath(), { index: false, maxAge: '1h' }));
  return router;
}

const INDEX = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Beckon API</title><link rel="stylesheet" href="swagger-ui.css"></head>
<body>
<div id="ui"></div>
<script src="swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', deepLinking: true });</script>
</body>
</html>`;

function errorsPage(): string {
  const rows = Object.entries(PROBLEMS)
    .map(
      ([code, { status, title }]) =>
        `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${title}</td></tr>`,
    )
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Beckon error codes</title>
<style>body{font:16px system-ui;margin:2rem auto;max-width:50rem}td,th{text-align:left;padding:.3rem .8rem;border-bottom:1px solid #ddd}</style></head>
<body><h1>Error codes</h1>
<p>Every error is a problem document (RFC 9457) with one of these codes.</p>
<table><tr><th>code</th><th>status</th><th>meaning</th></tr>
${rows}
</table></body></html>`;
}
