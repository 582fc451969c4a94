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

// Sixteen digits in a row, possibly around a decimal point, are the least that a double can fail to keep.
const MAY_LOSE_DIGITS = /\d(?:\.?\d){15}/;

/** Parses one JSON text. Throws `SyntaxError` as `JSON.parse` does. */
export function parseJson(text: string): JsonValue {
  if (!MAY_LOSE_DIGITS.test(text)) return JSON.parse(text) as JsonValue;
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

function reviveNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  const source = context.source;
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source);
  return source.replace(/[^0-9]/g, '').length > 15 ? new JsonNumber(source) : value;
}
