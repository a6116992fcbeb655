import { createHash } from 'node:crypto';
import sharp from 'sharp';

/** The files of the icon set that Apple wants, and how wide each is in pixels. */
const ICON_FILES: Record<string, number> = {
  'icon_16x16.png': 16,
  'icon_16x16@2x.png': 32,
  'icon_32x32.png': 32,
  'icon_32x32@2x.png': 64,
  'icon_128x128.png': 128,
  'icon_128x128@2x.png': 256,
};
const MOST_KEPT = 32;

const DEFAULT_ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256">
  <rect width="256" height="256" rx="56" fill="#1f6feb"/>
  <path d="M128 48c-33 0-56 25-56 60v36l-16 24v12h144v-12l-16-24v-36c0-35-23-60-56-60z" fill="#fff"/>
  <path d="M104 192a24 24 0 0 0 48 0z" fill="#fff"/>
</svg>`;

/** @returns a function that makes the icon set of a PNG (base64), or of the default icon; the latest ones are kept */
export function createIconSets(): (icon: string | undefined) => Promise<Map<string, Buffer>> {
  const kept = new Map<string, Promise<Map<string, Buffer>>>();
  return (icon) => {
    const key = createHash('sha256')
      .update(icon ?? '')
      .digest('base64url');
    const set = kept.get(key) ?? make(icon);
    kept.delete(key);
    kept.set(key, set);
    set.catch(() => kept.delete(key));
    const [oldest] = kept.keys();
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    return set;
  };
}

async function make(icon: string | undefined): Promise<Map<string, Buffer>> {
  const source = icon === undefined ? Buffer.from(DEFAULT_ICON) : Buffer.from(icon, 'base64');
  const files = Object.entries(ICON_FILES).map(async ([name, width]) => {
    const png = await sharp(source).resize(width, width).png().toBuffer();
    return [name, png] as const;
  });
  return new Map(await Promise.all(files));
}
