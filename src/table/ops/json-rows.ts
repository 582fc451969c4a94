/** Lines of JSON as rows, by the types of the columns that they are for. */

import {
  isJsonObject,
  JsonNumber,
  type JsonObject,
  JsonSource,
  type JsonValue,
  messageOf,
  parseJson,
  printJson,
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
      yield { line: index + 1, row: jsonToRow(parsed, schema.fields, 'keep') };
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

/** An object, and the text that it was parsed from. */
export interface SourcedObject {
  readonly object: JsonObject;
  readonly text: string;
}

export type JsonLine =
  | ({ readonly kind: 'object' } & SourcedObject)
  | { readonly kind: 'empty' }
  | { readonly kind: 'bad'; readonly reason: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function parseJsonLine(bytes: Uint8Array): JsonLine {
  let value: JsonValue;
  let text: string;
  try {
    text = utf8.decode(bytes);
    if (text.trim() === '') return { kind: 'empty' };
    value = parseJson(text);
  } catch (error) {
    const what = error instanceof SyntaxError ? 'JSON' : 'UTF-8';
    return { kind: 'bad', reason: `the line is not ${what}: ${messageOf(error)}` };
  }
  if (isJsonObject(value)) return { kind: 'object', object: value, text };
  return { kind: 'bad', reason: 'the line is JSON, but not an object' };
}

/**
 * The members that are columns, found ignoring case where none has the exact name; what the object does not have, the
 * row does not have either. As in Spark, a column of text takes whatever else stands there, a number, an object, as
 * it is spelled. Other values that do not fit are left as they are, to be refused. `unknown`: what becomes of the
 * other members.
 */
export function jsonToRow(
  { object, text }: SourcedObject,
  fields: readonly StructField[],
  unknown: 'keep' | 'drop',
): Record<string, RowValue> {
  const reading = { unknown, isSpellingWanted: false };
  const row = membersToRow({ value: object, source: null }, fields, reading);
  if (!reading.isSpellingWanted) return row;
  return membersToRow({ value: object, source: new JsonSource(text) }, fields, reading);
}

interface Reading {
  readonly unknown: 'keep' | 'drop';
  /** Set when a value's spelling matters: it is found by reading the text once more, which few lines need. */
  isSpellingWanted: boolean;
}

interface Sourced<T> {
  readonly value: T;
  readonly source: JsonSource | null;
}

function membersToRow(
  { value: object, source }: Sourced<JsonObject>,
  fields: readonly StructField[],
  reading: Reading,
): Record<string, RowValue> {
  const row: [string, RowValue][] = [];
  const taken = new Set<string>();
  const sources = source?.members();
  const member = (key: string): Sourced<JsonValue | undefined> => ({
    value: object[key],
    source: sources?.get(key) ?? null,
  });
  for (const { name, type } of fields) {
    const key = memberNamed(object, name);
    if (key === undefined) continue;
    taken.add(key);
    row.push([name, fromJson(member(key), type, reading)]);
  }
  const others = reading.unknown === 'drop' ? [] : Object.keys(object);
  for (const key of others) {
    if (!taken.has(key)) row.push([key, fromJson(member(key), null, reading)]);
  }
  return Object.fromEntries(row);
}

/** An exact name wins over one that differs by case. */
function memberNamed(object: JsonObject, name: string): string | undefined {
  if (Object.hasOwn(object, name)) return name;
  const folded = name.toLowerCase();
  return Object.keys(object).find((candidate) => candidate.toLowerCase() === folded);
}

/** JSON has no maps, and its long numbers have no other form than text where they must stay exact. */
function fromJson(
  { value, source }: Sourced<JsonValue | undefined>,
  type: DataType | null,
  reading: Reading,
): RowValue {
  if (value === undefined || value === null) return null;
  if (isText(type) && typeof value !== 'string') {
    reading.isSpellingWanted = true;
    return source?.text ?? printJson(value);
  }
  if (value instanceof JsonNumber) return isFloating(type) ? Number(value.text) : value.text;
  if (typeof value !== 'object') return value;
  if (!isJsonObject(value)) {
    const element = type?.kind === 'array' ? type.element : type;
    const items = source?.items();
    return value.map((item, index) =>
      fromJson({ value: item, source: items?.[index] ?? null }, element, reading),
    );
  }
  if (type?.kind === 'map') {
    const members = source?.members();
    return new Map(
      Object.entries(value).map(([key, item]) => [
        key,
        fromJson({ value: item, source: members?.get(key) ?? null }, type.value, reading),
      ]),
    );
  }
  return membersToRow({ value, source }, type?.kind === 'struct' ? type.fields : [], reading);
}

function isText(type: DataType | null): boolean {
  return type?.kind === 'primitive' && type.name === 'string';
}

/** Digits beyond what the column's type holds mean nothing there. */
function isFloating(type: DataType | null): boolean {
  return type?.kind === 'primitive' && (type.name === 'float' || type.name === 'double');
}
