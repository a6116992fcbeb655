import sharp from 'sharp';
import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { DRAWINGS, svgOf } from './drawings.ts';

/** Twice what browsers ask for on an ordinary screen. */
const PIXELS = 192;
/** Part of the address: another drawing under a name gets another one, and may be kept for ever. */
const EDITION = '1';

/** `/v1/icons`: icons for notifications, drawn and hosted by us. */
export function iconRoutes(deps: Pick<ApiDeps, 'publicUrl'>): Route[] {
  const drawn = new Map<string, Promise<Buffer>>();
  const png = (name: string): Promise<Buffer> => {
    const drawing = Object.hasOwn(DRAWINGS, name) ? DRAWINGS[name] : undefined;
    if (!drawing) throw new Problem('not_found', `there is no icon ${name}`);
    let image = drawn.get(name);
    if (!image) {
      image = sharp(Buffer.from(svgOf(drawing)))
        .resize(PIXELS, PIXELS)
        .png()
        .toBuffer();
      image.catch(() => drawn.delete(name));
      drawn.set(name, image);
    }
    return image;
  };
  return [
    defineRoute({
      method: 'get',
      path: '/v1/icons',
      tag: 'Icons',
      summary: 'Default icons',
      description:
        'Icons for `what.icon` and for the default icon of a site. Browsers fetch them from the address that ' +
        '`BECKON_PUBLIC_URL` names, without a key.',
      access: 'key',
      answers: {
        200: {
          description: 'All of them',
          schema: z.object({
            data: z.array(
              z.object({
                name: z.string(),
                label: z.string(),
                url: z.string(),
                size: z.number().int().describe('Pixels, of width and height'),
              }),
            ),
          }),
        },
      },
      handle() {
        const base = deps.publicUrl();
        const data = Object.entries(DRAWINGS).map(([name, { label }]) => ({
          name,
          label,
          url: `${base}/v1/icons/${name}.png?v=${EDITION}`,
          size: PIXELS,
        }));
        return Promise.resolve({ status: 200, body: { data } });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/icons/:name.png',
      tag: 'Icons',
      summary: 'A default icon',
      access: 'open',
      params: z.strictObject({ name: z.string() }),
      query: z.object({ v: z.string().optional().describe('The edition; it changes with the drawing') }),
      answers: { 200: { description: 'The image', type: 'image/png' } },
      async handle({ params: { name } }) {
        const headers = {
          'Content-Type': 'image/png',
          'Cache-Control': 'public, max-age=31536000, immutable',
          // Pages of other origins may show it whatever their embedder policy.
          'Cross-Origin-Resource-Policy': 'cross-origin',
        };
        return { status: 200, headers, body: await png(name) };
      },
    }),
  ];
}
