import type { z } from 'zod';
import { Problem, type ProblemFault } from '../../api/http/problem.ts';
import { parseOrThrow } from '../../api/http/validate.ts';

/** @returns what a call would be told of a body by its schema; nothing when it is taken */
export function problemFaultsOf(schema: z.ZodType, value: unknown): ProblemFault[] {
  try {
    parseOrThrow(schema, value, 'body');
    return [];
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.errors;
  }
}

/** @returns the same, each as `<pointer>: <detail>` */
export function faultsOf(schema: z.ZodType, value: unknown): string[] {
  return problemFaultsOf(schema, value).map(({ pointer, detail }) => `${pointer}: ${detail}`);
}
