import { dateParts, dayOf, type DateParts, type DayNumber } from './local-date.ts';

/**
 * The dates of an RFC 5545 rule: its parts that speak of dates. Those that speak of times are not here, since the
 * times of day of a schedule are listed beside its rule.
 */
export interface DateRule {
  frequency: 'daily' | 'weekly' | 'monthly' | 'yearly';
  interval: number;
  /** 1 is Monday, 7 is Sunday. */
  weekStart: number;
  byMonth?: number[] | undefined;
  byWeekNo?: number[] | undefined;
  byYearDay?: number[] | undefined;
  byMonthDay?: number[] | undefined;
  /** `nth` 0: each of them. Counted within the month, or within the year of a yearly rule that names no months. */
  byDay?: { weekday: number; nth: number }[] | undefined;
  /** A date that meets one of `byMonthDay` and `byDay` is enough: "the 15th and the first Monday". RFC 5545 means both. */
  either?: boolean | undefined;
  /** Of the dates of one day, week, month or year that the other parts leave. */
  bySetPos?: number[] | undefined;
}

/**
 * How far ahead a next date is looked for. 29 February on a set weekday comes back within 28 years but for the turn of
 * some centuries; what is further away than this is not going to be waited for.
 */
const HORIZON_DAYS = 40 * 366;
const LAST_DAY = dayOf(9_999, 12, 31);

/**
 * The dates of a rule in ascending order, lazily; they end where none follows within 40 years. A date that does not
 * exist (31 April) is left out.
 *
 * @param anchor where its intervals count from and what it does not say is taken from; no date lies before it
 * @param from no date before this one is given; looking starts here, so that years which have passed cost nothing
 */
export function* ruleDays(rule: DateRule, anchor: DayNumber, from: DayNumber): Generator<DayNumber> {
  const first = Math.max(anchor, from);
  const met = matcherOf(rule, dateParts(anchor));
  let horizon = first + HORIZON_DAYS;
  for (let index = indexOf(rule, anchor, first); ; index += 1) {
    const [start, end] = periodOf(rule, anchor, index);
    if (start > Math.min(horizon, LAST_DAY)) return;
    for (const day of chosen(rule, start, end, met)) {
      if (day < first || day > LAST_DAY) continue;
      horizon = day + HORIZON_DAYS;
      yield day;
    }
  }
}

/** The dates of one period that meet the rule, those counted out by BYSETPOS taken from all of them. */
function chosen(rule: DateRule, start: number, end: number, met: (day: DayNumber) => boolean): DayNumber[] {
  const days: DayNumber[] = [];
  for (let day = start; day < end; day += 1) if (met(day)) days.push(day);
  const { bySetPos } = rule;
  if (bySetPos === undefined) return days;
  return days.filter((_day, i) => bySetPos.includes(i + 1) || bySetPos.includes(i - days.length));
}

/** The period in which a day lies, or the last that the interval does not pass over before it. */
function indexOf(rule: DateRule, anchor: DayNumber, day: DayNumber): number {
  const a = dateParts(anchor);
  const b = dateParts(day);
  const between = {
    daily: () => day - anchor,
    weekly: () => (weekStartOf(day, rule.weekStart) - weekStartOf(anchor, rule.weekStart)) / 7,
    monthly: () => (b.year - a.year) * 12 + b.month - a.month,
    yearly: () => b.year - a.year,
  }[rule.frequency]();
  return Math.floor(between / rule.interval);
}

/** @returns its first day, and the one after its last */
function periodOf(rule: DateRule, anchor: DayNumber, index: number): [DayNumber, DayNumber] {
  const { year, month } = dateParts(anchor);
  const steps = index * rule.interval;
  switch (rule.frequency) {
    case 'daily':
      return [anchor + steps, anchor + steps + 1];
    case 'weekly': {
      const start = weekStartOf(anchor, rule.weekStart) + steps * 7;
      return [start, start + 7];
    }
    case 'monthly':
      return [dayOf(year, month + steps, 1), dayOf(year, month + steps + 1, 1)];
    case 'yearly':
      return [dayOf(year + steps, 1, 1), dayOf(year + steps + 1, 1, 1)];
  }
}

/** Whatever RFC 5545 calls expanding or limiting: with times apart, both leave the dates that meet every part. */
function matcherOf(rule: DateRule, anchor: DateParts): (day: DayNumber) => boolean {
  const { byMonth, byWeekNo, byYearDay, byMonthDay, byDay } = completed(rule, anchor);
  const nthOfYear = rule.frequency === 'yearly' && byMonth === undefined;
  return (day) => {
    const { year, month, day: ofMonth, weekday } = dateParts(day);
    if (byMonth && !byMonth.includes(month)) return false;
    const monthLength = dayOf(year, month + 1, 1) - dayOf(year, month, 1);
    const dated = !byMonthDay || has(byMonthDay, ofMonth, monthLength);
    if (!dated && !rule.either) return false;
    const ofYear = day - dayOf(year, 1, 1) + 1;
    const yearLength = dayOf(year + 1, 1, 1) - dayOf(year, 1, 1);
    if (byYearDay && !has(byYearDay, ofYear, yearLength)) return false;
    if (byWeekNo && !has(byWeekNo, ...weekOf(day, rule.weekStart))) return false;
    if (!byDay || (rule.either && dated)) return true;
    const [at, length] = nthOfYear ? [ofYear, yearLength] : [ofMonth, monthLength];
    const nth = [0, Math.ceil(at / 7), -Math.ceil((length - at + 1) / 7)];
    return byDay.some((one) => one.weekday === weekday && nth.includes(one.nth));
  };
}

/** What a rule does not say is taken from its anchor. */
function completed(rule: DateRule, anchor: DateParts): DateRule {
  const { frequency, byMonth, byWeekNo, byYearDay, byMonthDay, byDay } = rule;
  if (frequency === 'daily' || byDay || byMonthDay || byYearDay) return rule;
  if (frequency === 'weekly' || byWeekNo) return { ...rule, byDay: [{ weekday: anchor.weekday, nth: 0 }] };
  const dated = { ...rule, byMonthDay: [anchor.day] };
  return frequency === 'yearly' ? { ...dated, byMonth: byMonth ?? [anchor.month] } : dated;
}

/** Whether the n-th of so many is named, from the front or (negative) from the back. */
function has(named: number[], n: number, length: number): boolean {
  return named.includes(n) || named.includes(n - length - 1);
}

function weekStartOf(day: DayNumber, weekStart: number): DayNumber {
  return day - ((dateParts(day).weekday - weekStart + 7) % 7);
}

/** The number of a day's week in the year that has most of its days, and how many weeks that year has. */
function weekOf(day: DayNumber, weekStart: number): [number, number] {
  const numberIn = (one: DayNumber, year: number): number => {
    const first = weekStartOf(dayOf(year, 1, 4), weekStart);
    return Math.floor((one - first) / 7) + 1;
  };
  const { year } = dateParts(weekStartOf(day, weekStart) + 3);
  return [numberIn(day, year), numberIn(dayOf(year, 12, 28), year)];
}
