/** Dates and timestamps between numbers and ISO-8601 text, in the proleptic Gregorian calendar. */

const SECONDS_PER_DAY = 86_400;
const MICROS_PER_SECOND = 1_000_000;
const MICROS_PER_DAY = 86_400_000_000n;
const INT64_MAX = 2n ** 63n - 1n;
const INT32_MAX = 2 ** 31 - 1;
// Within these seconds the microseconds are still a safe integer, and one BigInt is made instead of three.
const FAST_SECONDS_MAX = 9_000_000_000;
const OFFSET_SECONDS_MAX = 18 * 3600;

export interface TimestampText {
  /** Microseconds since the epoch: UTC where the text has a zone, else its wall clock. */
  readonly micros: bigint;
  readonly zoned: boolean;
  /** Digits of the second's fraction that the text has; those after the sixth are not in `micros`. */
  readonly fractionDigits: number;
}

const DATE = /^([+-]?\d{4,7})-(\d\d)-(\d\d)$/;
const TIMESTAMP =
  /^([+-]?\d{4,7})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)? ?(Z|UTC|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?$/i;

/** Days since 1970-01-01, or null where the text is not a day of the calendar. */
export function readDate(text: string): number | null {
  if (text.length === 10) return readPlainDate(text);
  const parts = DATE.exec(text);
  if (parts === null) return null;
  return toDays(Number(parts[1]), Number(parts[2]), Number(parts[3]));
}

/** `YYYY-MM-DD`; years outside 0 to 9999 as `±YYYYYY`. */
export function printDate(days: number): string {
  const { year, month, day } = toCivil(days);
  return `${printYear(year)}-${two(month)}-${two(day)}`;
}

/**
 * Reads `YYYY-MM-DD[{T| }HH:MM[:SS[.fffffffff]][zone]]`, zone being `Z`, `UTC` or an offset that may have seconds
 * (Spark writes those for days before standard time). Null where the text is none, or beyond 64 bits.
 */
export function readTimestamp(text: string): TimestampText | null {
  return readPlainTimestamp(text) ?? readAnyTimestamp(text);
}

export interface TimestampFormat {
  readonly separator: 'T' | ' ';
  /** `always` six digits of the second's fraction, three, or none where they are all zero. */
  readonly fraction: 'micros' | 'millis' | 'shortest';
  readonly zone: 'Z' | '';
}

/** The wall clock of `micros` since the epoch; with `millis`, what is below a millisecond is cut off. */
export function printTimestamp(micros: bigint, format: TimestampFormat): string {
  const days = floorDivide(micros, MICROS_PER_DAY);
  const rest = Number(micros - days * MICROS_PER_DAY);
  const seconds = Math.floor(rest / MICROS_PER_SECOND);
  const fraction = rest - seconds * MICROS_PER_SECOND;
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${printDate(Number(days))}${format.separator}${time}${printFraction(fraction, format)}${format.zone}`;
}

/** Midnight of a day, in microseconds. */
export function dayToMicros(days: number): bigint {
  return BigInt(days) * MICROS_PER_DAY;
}

/** The day that a moment falls on, in UTC. */
export function microsToDay(micros: bigint): number {
  return Number(floorDivide(micros, MICROS_PER_DAY));
}

// Characters by their codes: what stands between the digits of a plain text.
const HYPHEN = 45;
const POINT = 46;
const COLON = 58;
const SPACE = 32;
const LETTER_T = 84;

/** `YYYY-MM-DD` at the start of a text, ten times as fast as by a pattern. */
function readPlainDate(text: string): number | null {
  if (text.charCodeAt(4) !== HYPHEN || text.charCodeAt(7) !== HYPHEN) return null;
  return toDays(digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10));
}

/** `YYYY-MM-DD{T| }HH:MM:SS[.ffffff][Z]`, as nearly all texts are; null for every other. */
function readPlainTimestamp(text: string): TimestampText | null {
  const zoned = text.endsWith('Z');
  const end = zoned ? text.length - 1 : text.length;
  const fractionDigits = end === 19 ? 0 : end - 20;
  const separator = text.charCodeAt(10);
  const isPlain =
    (end === 19 || (end > 20 && end <= 26 && text.charCodeAt(19) === POINT)) &&
    (separator === LETTER_T || separator === SPACE) &&
    text.charCodeAt(13) === COLON &&
    text.charCodeAt(16) === COLON;
  const days = isPlain ? readPlainDate(text) : null;
  if (days === null) return null;
  const seconds = toSeconds(digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19));
  const fraction = fractionDigits === 0 ? 0 : digits(text, 20, end) * 10 ** (6 - fractionDigits);
  if (seconds === null || Number.isNaN(fraction)) return null;
  return { micros: toMicros(days * SECONDS_PER_DAY + seconds, fraction), zoned, fractionDigits };
}

/** The number that a run of digits stands for, NaN where there is anything else. */
function digits(text: string, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function toSeconds(hour: number, minute: number, second: number): number | null {
  return hour <= 23 && minute <= 59 && second <= 59 ? hour * 3600 + minute * 60 + second : null;
}

function readAnyTimestamp(text: string): TimestampText | null {
  const parts = TIMESTAMP.exec(text);
  if (parts === null) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone] = parts;
  const days = toDays(Number(year), Number(month), Number(day));
  const offset = zone === undefined ? 0 : readOffset(zone);
  if (days === null || offset === null) return null;
  const seconds = toSeconds(Number(hour), Number(minute), Number(second));
  if (seconds === null) return null;
  const micros = toMicros(
    days * SECONDS_PER_DAY + seconds - offset,
    Number(fraction.slice(0, 6).padEnd(6, '0')),
  );
  if (micros > INT64_MAX || micros < -INT64_MAX) return null;
  return { micros, zoned: zone !== undefined, fractionDigits: fraction.length };
}

/** Days since the epoch, from Howard Hinnant's arithmetic on 400-year eras that start in March. */
function toDays(year: number, month: number, day: number): number | null {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return null;
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  const days = era * 146_097 + dayOfEra - 719_468;
  return Math.abs(days) <= INT32_MAX ? days : null;
}

function toCivil(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
  };
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function readOffset(zone: string): number | null {
  if (/^[zu]/i.test(zone)) return 0;
  const digits = zone.replace(/\D/g, '').padEnd(6, '0');
  const minutes = Number(digits.slice(2, 4));
  const seconds = Number(digits.slice(4, 6));
  const offset = Number(digits.slice(0, 2)) * 3600 + minutes * 60 + seconds;
  if (minutes > 59 || seconds > 59 || offset > OFFSET_SECONDS_MAX) return null;
  return zone.startsWith('-') ? -offset : offset;
}

function toMicros(seconds: number, micros: number): bigint {
  if (Math.abs(seconds) < FAST_SECONDS_MAX) return BigInt(seconds * MICROS_PER_SECOND + micros);
  return BigInt(seconds) * BigInt(MICROS_PER_SECOND) + BigInt(micros);
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value < 0n && quotient * divisor !== value ? quotient - 1n : quotient;
}

function printFraction(micros: number, format: TimestampFormat): string {
  if (format.fraction === 'shortest' && micros === 0) return '';
  const digits = String(micros).padStart(6, '0');
  return `.${format.fraction === 'millis' ? digits.slice(0, 3) : digits}`;
}

function printYear(year: number): string {
  if (year >= 0 && year <= 9999) return String(year).padStart(4, '0');
  return `${year < 0 ? '-' : '+'}${String(Math.abs(year)).padStart(6, '0')}`;
}

function two(value: number): string {
  return value < 10 ? `0${String(value)}` : String(value);
}
