import { toValue } from 'liquidjs';
import { createJsonWriter, type JsonWriter } from './json-text.ts';
import { weigh } from './render-budget.ts';
import { percentEncoded } from './web-address.ts';

/** What the texts of a template become part of: plain text, an address, or JSON. */
export type TemplateEscape = 'none' | 'url' | 'json';

/** One output of a template: the value, and the name of the last filter that made it. */
export interface OutputValue {
  value: unknown;
  filter?: string | undefined;
}

/** A rendered template before its outputs are put into it. */
export type OutputPiece = string | OutputValue;

/**
 * @returns a value as Liquid prints it
 * @throws Error when it is too large for that
 */
export function printed(given: unknown): string {
  if (typeof given === 'string') return given;
  // A list that holds another twice, which does so itself, and so on, is short to write and endless to print.
  weigh(given);
  return joined(given);
}

function joined(given: unknown): string {
  const value: unknown = toValue(given);
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(joined).join('');
  // eslint-disable-next-line @typescript-eslint/no-base-to-string -- as LiquidJS does
  return String(value);
}

/**
 * Puts outputs into an address: each is percent-encoded for the part of a path, a query or a fragment that it stands
 * in, unless `url_encode` did so already or `raw` asks for the value as it is. None can change what the text before
 * it has fixed: the scheme and the host. An address that is one output altogether is taken as it is.
 *
 * @throws Error when an output stands before the end of the host, or leaves its folder by `..`, or it is too long
 */
export function addressOf(pieces: OutputPiece[], maxLength: number): string {
  const kept = trimmed(pieces);
  const [first] = kept;
  if (kept.length === 0 || first === undefined) return '';
  if (kept.length === 1) return (typeof first === 'string' ? first : printed(first.value)).trim();
  if (typeof first !== 'string' || !HOST_IS_FIXED.test(first)) throw new Error(NOT_IN_HOST);
  let address = '';
  for (const piece of kept) {
    address = mustFit(address + inAddress(piece), maxLength);
  }
  if (leavesFolder(address)) throw new Error('a value of the path is a step to another folder (. or ..)');
  return address;
}

function inAddress(piece: OutputPiece): string {
  if (typeof piece === 'string') return piece;
  const text = printed(piece.value);
  if (piece.filter === 'raw') return withoutControls(text);
  return ENCODES.has(piece.filter ?? '') ? text : percentEncoded(text);
}

/** @returns what is wrong with where the expressions of an address stand, as far as its text tells; null when nothing */
export function addressTemplateFault(text: string): string | null {
  const start = text.search(/\{[{%]/);
  // What stands after a tag depends on what the tag does: it is judged when it is rendered.
  if (start === -1 || text.startsWith('{%', start)) return null;
  const before = text.slice(0, start).trim();
  if (before !== '') return HOST_IS_FIXED.test(before) ? null : NOT_IN_HOST;
  const whole = /^\{\{(?:[^}'"]|'[^']*'|"[^"]*")*\}\}$/.test(text.trim());
  return whole ? null : NOT_IN_HOST;
}

/**
 * Puts outputs into JSON: inside of a string as its content, elsewhere as a value of its own (nothing is `null`), or
 * as the `json` filter wrote it. With `raw` the text stands as it is.
 *
 * @throws Error when an output follows a backslash, or it is too long
 */
export function jsonOf(pieces: OutputPiece[], maxLength: number): string {
  const json = createJsonWriter();
  for (const piece of pieces) {
    json.write(inJson(piece, json));
    mustFit(json.text(), maxLength);
  }
  return json.text();
}

function inJson(piece: OutputPiece, at: JsonWriter): string {
  if (typeof piece === 'string') return piece;
  if (piece.filter === 'raw') return printed(piece.value);
  if (at.escapes()) throw new Error('an expression follows a backslash');
  if (at.inString()) return JSON.stringify(printed(piece.value)).slice(1, -1);
  if (piece.filter === 'json') return printed(piece.value);
  weigh(piece.value);
  return JSON.stringify(toValue(piece.value)) ?? 'null';
}

/**
 * @returns the pieces with every output as Liquid prints it
 * @throws Error when that is too long
 */
export function plainTextOf(pieces: OutputPiece[], maxLength: number): string {
  let text = '';
  for (const piece of pieces)
    text = mustFit(text + (typeof piece === 'string' ? piece : printed(piece.value)), maxLength);
  return text;
}

/**
 * @returns the text
 * @throws Error when it is too long
 */
export function mustFit(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  throw new Error(`the text has more than ${maxLength} characters`);
}

/** Scheme and host, without credentials, and the mark that ends the host. */
const HOST_IS_FIXED = /^\s*https?:\/\/[^\s/?#\\@]+[/?#]/i;
const NOT_IN_HOST =
  'an expression may stand in the path, the query or the fragment of an address, or be the whole address';
/**
 * Filters whose outcome is encoded already. That of `uri_escape` may hold `/ ? # &`, as its author wants by writing it;
 * the host stays, as it does with `raw`.
 */
export const ENCODES = new Set(['url_encode', 'cgi_escape', 'uri_escape']);

function trimmed(pieces: OutputPiece[]): OutputPiece[] {
  // Browsers drop tabs and line breaks of an address; a template has them where tags stand in lines of their own.
  const clean = pieces.map((piece) => (typeof piece === 'string' ? piece.replace(/[\t\r\n]/g, '') : piece));
  const solid = clean.filter((piece) => piece !== '');
  if (typeof solid[0] === 'string') solid[0] = solid[0].trimStart();
  const last = solid.at(-1);
  if (typeof last === 'string') solid[solid.length - 1] = last.trimEnd();
  return solid.filter((piece) => piece !== '');
}

function withoutControls(text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new Error('a value holds control characters');
  return text;
}

function leavesFolder(address: string): boolean {
  const [path = ''] = address.replace(/^[a-z]+:\/\/[^/?#\\]*/i, '').split(/[?#]/);
  return path.split(/[/\\]/).some((part) => /^(?:\.|%2e){1,2}$/i.test(part.trim()));
}
