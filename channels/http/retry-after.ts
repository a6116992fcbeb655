const DAY_MS = 86_400_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

/** The three forms of RFC 9110 section 5.6.7: IMF-fixdate, RFC 850 and asctime. */
const HTTP_DATES = [
  new RegExp(`^${DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^${LONG_DAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  new RegExp(`^${DAY} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
];

/**
 * Milliseconds to wait by a Retry-After header (RFC 9110 section 10.2.3: seconds, or an HTTP-date
 * counted from `nowMs`), at least 0 and at most 24 hours. Undefined when absent or neither form.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return clamp(Number(text) * 1000);
  const instant = parseHttpDate(text, nowMs);
  return instant === undefined ? undefined : clamp(instant - nowMs);
}

function clamp(ms: number): number {
  return Math.min(DAY_MS, Math.max(0, ms));
}

function parseHttpDate(text: string, nowMs: number): number | undefined {
  for (const form of HTTP_DATES) {
    const parts = form.exec(text)?.groups;
    if (!parts) continue;
    const [day, hour, minute, second] = [parts.day, parts.hour, parts.minute, parts.second].map(Number);
    const month = MONTHS.indexOf(parts.month ?? '');
    const instant = Date.UTC(fullYear(parts.year ?? '', nowMs), month, day, hour, minute, second);
    // Date.UTC rolls 31 February over; a date that does not exist is garbage.
    return new Date(instant).getUTCDate() === day ? instant : undefined;
  }
  return undefined;
}

/** RFC 9110: a two-digit year that seems more than 50 years ahead means the past century. */
function fullYear(digits: string, nowMs: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(digits);
  return year > thisYear + 50 ? year - 100 : year;
}
