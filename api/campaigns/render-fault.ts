import { RenderError } from '../../domain/content/render-web-push.ts';

/** @returns which text could not be rendered, and why */
export function renderFault(error: unknown): { pointer: string; detail: string } {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof RenderError)
    return { pointer: error.pointer, detail: text.slice(error.pointer.length + 2) };
  const [, pointer = '/what', detail = text] = /^(\/what\/\S+?): ([\s\S]*)$/.exec(text) ?? [];
  return { pointer, detail };
}
