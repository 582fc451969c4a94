/** Lines of JSON as rows, by the types of the columns that they are for. */

import {
  isJsonObject,
  JsonNumber,
  type JsonObject,
  type JsonValue,
  messageOf,
  parseJson,
} from '../../base/index.ts';
import type { DataType, Row, RowValue, StructField, StructType } from '../../schema/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import { lineInvalid, lineTooLong } from './errors.ts';

/** Bytes asked of the store at once. */
const READ_BYTES = 8 * 1024 * 1024;
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

export interface JsonFile {
  readonly store: ObjectStore;
  readonly path: string;
  readonly sizeBytes: number;
}

export interface JsonRow {
  /** From 1. */
  readonly line: number;
  readonly row: Row;
}

/**
 * The rows of a file, line by line; empty lines are nothing. Members that are no column of `schema` stay, as what they
 * are in JSON. Errors: `INPUT_BAD_LINE`, `INPUT_LINE_TOO_LONG` (data), those of the store.
 */
export async function* readJsonRows(file: JsonFile, schema: StructType): AsyncGenerator<JsonRow> {
  for await (const { index, bytes } of linesOf(file)) {
    const parsed = parseJsonLine(bytes);
    if (parsed.kind === 'bad') throw lineInvalid(file.path, index + 1, parsed.reason);
    if (parsed.kind === 'object') {
      yield { line: index + 1, row: jsonToRow(parsed.object, schema.fields, 'keep') };
    }
  }
}

/** The lines of a file, without their ends, from 0. Error: `INPUT_LINE_TOO_LONG`. */
export async function* linesOf(
  file: JsonFile,
): AsyncGenerator<{ readonly index: number; readonly bytes: Uint8Array }> {
  let rest: Uint8Array = new Uint8Array(0);
  let index = 0;
  for (let start = 0; start < file.sizeBytes; start += READ_BYTES) {
    const end = Math.min(file.sizeBytes, start + READ_BYTES);
    const chunk = Buffer.concat([rest, await file.store.getRange(file.path, { start, end })]);
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      yield { index, bytes: chunk.subarray(from, at) };
      index += 1;
      from = at + 1;
    }
    rest = chunk.subarray(from);
    if (rest.length > LINE_BYTES_MAX) throw lineTooLong(file.path, index, LINE_BYTES_MAX);
  }
  if (rest.length > 0) yield { index, bytes: rest };
}

export type JsonLine =
  | { readonly kind: 'object'; readonly object: JsonObject }
  | { readonly kind: 'empty' }
  | { readonly kind: 'bad'; readonly reason: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function parseJsonLine(bytes: Uint8Array): JsonLine {
  let value: JsonValue;
  try {
    const text = utf8.decode(bytes);
    if (text.trim() === '') return { kind: 'empty' };
    value = parseJson(text);
  } catch (error) {
    const what = error instanceof SyntaxError ? 'JSON' : 'UTF-8';
    return { kind: 'bad', reason: `the line is not ${what}: ${messageOf(error)}` };
  }
  if (isJsonObject(value)) return { kind: 'object', object: value };
  return { kind: 'bad', reason: 'the line is JSON, but not an object' };
}

/**
 * The members that are columns, found ignoring case where none has the exact name; what the object does not have, the
 * row does not have either. Values that do not fit are left as they are, to be refused. `unknown`: what becomes of
 * the other members.
 */
export function jsonToRow(
  object: JsonObject,
  fields: readonly StructField[],
  unknown: 'keep' | 'drop',
): Record<string, RowValue> {
  const row: Record<string, RowValue> = {};
  const taken = new Set<string>();
  for (const { name, type } of fields) {
    const key = memberNamed(object, name);
    if (key === undefined) continue;
    taken.add(key);
    row[name] = fromJson(object[key], type, unknown);
  }
  if (unknown === 'drop') return row;
  for (const [key, value] of Object.entries(object)) {
    if (!taken.has(key)) row[key] = fromJson(value, null, unknown);
  }
  return row;
}

/** An exact name wins over one that differs by case. */
function memberNamed(object: JsonObject, name: string): string | undefined {
  if (Object.hasOwn(object, name)) return name;
  const folded = name.toLowerCase();
  return Object.keys(object).find((candidate) => candidate.toLowerCase() === folded);
}

/** JSON has no maps, and its long numbers have no other form than text where they must stay exact. */
function fromJson(
  value: JsonValue | undefined,
  type: DataType | null,
  unknown: 'keep' | 'drop',
): RowValue {
  if (value === undefined || value === null) return null;
  if (value instanceof JsonNumber) return isFloating(type) ? Number(value.text) : value.text;
  if (typeof value !== 'object') return value;
  if (!isJsonObject(value)) {
    const element = type?.kind === 'array' ? type.element : type;
    return value.map((item) => fromJson(item, element, unknown));
  }
  if (type?.kind === 'map') {
    return new Map(
      Object.entries(value).map(([key, item]) => [key, fromJson(item, type.value, unknown)]),
    );
  }
  return jsonToRow(value, type?.kind === 'struct' ? type.fields : [], unknown);
}

/** Digits beyond what the column's type holds mean nothing there. */
function isFloating(type: DataType | null): boolean {
  return type?.kind === 'primitive' && (type.name === 'float' || type.name === 'double');
}
