/**
 * JSON that keeps every digit: integers beyond 2^53 come as `bigint`, and decimals with more digits than a double
 * holds come as `JsonNumber`. Statistics and row ids are int64; `JSON.parse` rounds them without a word.
 */

/** A number whose text a double would not keep; printed as it was read. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | JsonNumber
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/** Parses one JSON text. Throws `SyntaxError` as `JSON.parse` does. */
export function parseJson(text: string): JsonValue {
  if (!mayLoseDigits(text)) return JSON.parse(text) as JsonValue;
  return JSON.parse(text, reviveNumber) as JsonValue;
}

/** Prints one JSON text without spaces; `bigint` as digits. `undefined` members are left out. */
export function printJson(value: JsonValue): string {
  return isPlain(value) ? JSON.stringify(value) : printExact(value);
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !isArray(value) && !(value instanceof JsonNumber)
  );
}

/** Whether `JSON.stringify` loses nothing: looking first is several times cheaper than printing by hand. */
function isPlain(value: JsonValue | undefined): boolean {
  if (typeof value === 'number') return !Object.is(value, -0);
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint';
  if (isArray(value)) return value.every(isPlain);
  if (value instanceof JsonNumber) return false;
  for (const key in value) {
    if (!isPlain(value[key])) return false;
  }
  return true;
}

function printExact(value: JsonValue): string {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof JsonNumber) return value.text;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0.0' : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(printExact).join(',')}]`;
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${printExact(member)}`);
  }
  return `{${members.join(',')}}`;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Digits in a row, possibly around a decimal point, that are the least that a double can fail to keep. */
const DIGITS_MIN = 16;
const LONG_NUMBER = /\d(?:\.?\d){15}/;

/**
 * Whether there is a number that `JSON.parse` may round. One character in sixteen is looked at, as none of them is passed over by
 * so many digits: to try the expression everywhere costs several times what the parsing does.
 */
function mayLoseDigits(text: string): boolean {
  for (let at = DIGITS_MIN - 1; at < text.length; at += DIGITS_MIN) {
    if (!isDigitOrPoint(text.charCodeAt(at))) continue;
    let start = at;
    while (start > 0 && isDigitOrPoint(text.charCodeAt(start - 1))) start -= 1;
    let end = at + 1;
    while (end < text.length && isDigitOrPoint(text.charCodeAt(end))) end += 1;
    if (end - start >= DIGITS_MIN && LONG_NUMBER.test(text.slice(start, end))) return true;
    // What follows is no digit: the next sixteen begin after it.
    at = end - (end % DIGITS_MIN) - 1;
  }
  return false;
}

function isDigitOrPoint(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2e;
}

function reviveNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  const source = context.source;
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source);
  return source.replace(/[^0-9]/g, '').length > 15 ? new JsonNumber(source) : value;
}
