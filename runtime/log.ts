import { pino, type Logger } from 'pino';

export type AppLog = Logger;

/** @param level a pino level, or `silent` @returns a logger that writes JSON lines to standard output */
export function createLog(level: string): AppLog {
  return pino({ level, base: null, redact: ['req.headers.authorization'] });
}
