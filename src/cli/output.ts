/** What commands print: text for people, JSON for machines. */

import { once } from 'node:events';

import { isDeltaError, type JsonValue, printJson, unreachable } from '../base/index.ts';
import type { Row, RowValue } from '../schema/index.ts';
import { clearProgress } from './progress.ts';

export type RowFormat = 'table' | 'ndjson' | 'csv';

const TABLE_ROWS_MAX = 1000;
const CELL_WIDTH_MAX = 60;

class OutputClosed extends Error {}

let isClosed = false;

/** To be called once, before anything is printed: a reader that goes away must not end the process by itself. */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    isClosed = true;
  });
}

/** Whether `error` only says that nobody reads standard output any more. */
export function isOutputClosed(error: unknown): boolean {
  if (error instanceof OutputClosed) return true;
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

/**
 * Writes one line to standard output, waiting where the reader is slow. Throws where there is no reader any more, so
 * that work for it ends: see `isOutputClosed`.
 */
export async function print(line: string): Promise<void> {
  if (isClosed) throw new OutputClosed();
  if (process.stdout.isTTY) clearProgress();
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

export async function printObject(value: JsonValue): Promise<void> {
  await print(printJson(value));
}

/** One line on standard error, whatever the text. */
export function printError(text: string): void {
  clearProgress();
  process.stderr.write(`deltawright: ${text.trim().replace(/\s*[\r\n]+\s*/g, ' ')}\n`);
}

/** What went wrong after a commit that stands. */
export function warnOf(errors: readonly Error[]): void {
  for (const error of errors) {
    const code = isDeltaError(error) ? `${error.code}: ` : '';
    printError(`committed, but then: ${code}${error.message}`);
  }
}

/** A table whose cells are short but for paths and the like, which are wanted whole. */
export const WIDE: RowsOptions = { format: 'table', cellWidthMax: 500 };

export interface RowsOptions {
  readonly format: RowFormat;
  /** Of a table, in characters; longer cells are cut. Default 60. */
  readonly cellWidthMax?: number;
}

/** Prints rows as they come; a table is measured first and so holds at most its first thousand rows. */
export async function printRows(
  columns: readonly string[],
  rows: AsyncIterable<Row>,
  options: RowsOptions,
): Promise<void> {
  for await (const line of rowLines(columns, rows, options)) await print(line);
}

/** What `printRows` prints. */
export async function* rowLines(
  columns: readonly string[],
  rows: AsyncIterable<Row>,
  { format, cellWidthMax = CELL_WIDTH_MAX }: RowsOptions,
): AsyncGenerator<string> {
  switch (format) {
    case 'table':
      yield* tableLines(columns, rows, cellWidthMax);
      break;
    case 'csv':
      yield columns.map(csvText).join(',');
      for await (const row of rows) yield columns.map((name) => csvCell(row[name])).join(',');
      break;
    case 'ndjson':
      for await (const row of rows) {
        yield printJson(Object.fromEntries(columns.map((name) => [name, toJson(row[name])])));
      }
      break;
    default:
      unreachable(format);
  }
}

/** Lines of `key  value`, the keys in one column. */
export async function printFacts(facts: readonly (readonly [string, string])[]): Promise<void> {
  const width = Math.max(...facts.map(([key]) => key.length));
  for (const [key, value] of facts) await print(`${key.padEnd(width)}  ${value}`);
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** Bytes for people: `1.5 MB`. */
export function bytesText(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** A value of a row as JSON: binary as `0x…`, a map as an array of pairs, what JSON has no number for as text. */
export function toJson(value: RowValue | undefined): JsonValue {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return [...value].map(([k, v]) => [toJson(k), toJson(v)]);
  if (Array.isArray(value)) return value.map((item: RowValue) => toJson(item));
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, toJson(member as RowValue | undefined)]),
    );
  }
  return value;
}

/** A value of a row as text. */
export function cellText(value: RowValue | undefined): string {
  const json = toJson(value);
  return typeof json === 'string' ? json : printJson(json);
}

async function* tableLines(
  columns: readonly string[],
  rows: AsyncIterable<Row>,
  cellWidthMax: number,
): AsyncGenerator<string> {
  const cells: string[][] = [];
  let isCut = false;
  for await (const row of rows) {
    isCut = cells.length === TABLE_ROWS_MAX;
    if (isCut) break;
    cells.push(columns.map((column) => shorten(cellText(row[column]), cellWidthMax)));
  }
  const widths = columns.map((column, i) =>
    cells.reduce((width, line) => Math.max(width, line[i]?.length ?? 0), column.length),
  );
  const lineOf = (texts: readonly string[]): string =>
    texts
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  yield lineOf(columns);
  yield lineOf(widths.map((width) => '-'.repeat(width)));
  for (const texts of cells) yield lineOf(texts);
  yield isCut
    ? `(the first ${TABLE_ROWS_MAX} rows; --format ndjson prints all)`
    : `(${counted(cells.length, 'row')})`;
}

/** Control characters would move a terminal's cursor, or worse. */
function shorten(text: string, widthMax: number): string {
  const plain = text.replace(/\p{Cc}/gu, ' ');
  return plain.length > widthMax ? `${plain.slice(0, widthMax - 1).toWellFormed()}…` : plain;
}

/** Null is nothing at all, so that an empty text, which is quoted, is not mistaken for it. */
function csvCell(value: RowValue | undefined): string {
  if (value === null || value === undefined) return '';
  return value === '' ? '""' : csvText(cellText(value));
}

function csvText(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
