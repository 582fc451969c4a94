/** JSON lines → a typed Parquet file on the local disk, so that all that follows sees Parquet. */

import { writeFile } from 'node:fs/promises';

import type { Table } from 'apache-arrow';

import { isDeltaError, messageOf } from '../../base/index.ts';
import { rowsToArrow, writeParquet } from '../../parquet/index.ts';
import type { Row, StructType } from '../../schema/index.ts';
import type { InputFile } from './input-types.ts';
import { jsonToRow, linesOf, parseJsonLine } from './json-rows.ts';

const BATCH_ROWS = 8_192;
const TABLES_PER_FILE = 64;

export interface JsonConversion {
  readonly schema: StructType;
  /** Columns that must be there and not empty. */
  readonly keyColumns: readonly string[];
  /** Names for Parquet files on the local disk. */
  readonly freshFile: () => string;
  /** Takes the line, from 0, and why it does not enter. */
  readonly onRejected: (line: number, code: string, reason: string) => void;
}

/**
 * Converts the lines that fit, in their order, to Parquet files of bounded size; at least one. The other lines are
 * handed to `onRejected`; empty lines are nothing.
 */
export async function convertJsonLines(
  file: InputFile,
  conversion: JsonConversion,
): Promise<readonly string[]> {
  const files: string[] = [];
  let waiting: Table[] = [];
  const flush = async (): Promise<void> => {
    const [first, ...others] = waiting;
    if (first === undefined) return;
    const localFile = conversion.freshFile();
    await writeFile(localFile, await writeParquet(first.concat(...others)));
    files.push(localFile);
    waiting = [];
  };
  for await (const table of tables(file, conversion)) {
    waiting.push(table);
    if (waiting.length === TABLES_PER_FILE) await flush();
  }
  await flush();
  return files;
}

interface Line {
  readonly index: number;
  readonly row: Row;
}

async function* tables(file: InputFile, conversion: JsonConversion): AsyncGenerator<Table> {
  let waiting: Line[] = [];
  for await (const { index, bytes } of linesOf(file)) {
    const line = parseLine(bytes, conversion);
    if (line.kind === 'bad') conversion.onRejected(index, line.code, line.reason);
    if (line.kind !== 'row') continue;
    waiting.push({ index, row: line.row });
    if (waiting.length < BATCH_ROWS) continue;
    yield await toTable(waiting, conversion);
    waiting = [];
  }
  yield await toTable(waiting, conversion);
}

/** The lines as columns; where one does not fit, each is tried alone, and those that fit go on. */
async function toTable(
  lines: readonly Line[],
  { schema, onRejected }: JsonConversion,
): Promise<Table> {
  try {
    return await rowsToArrow(
      schema,
      lines.map(({ row }) => row),
    );
  } catch (error) {
    if (!isDeltaError(error, 'INPUT_BAD_VALUE')) throw error;
  }
  const fitting: Row[] = [];
  for (const { index, row } of lines) {
    try {
      await rowsToArrow(schema, [row]);
      fitting.push(row);
    } catch (error) {
      if (!isDeltaError(error, 'INPUT_BAD_VALUE')) throw error;
      onRejected(index, 'INPUT_BAD_VALUE', messageOf(error));
    }
  }
  return rowsToArrow(schema, fitting);
}

interface BadLine {
  readonly kind: 'bad';
  readonly code: string;
  readonly reason: string;
}

type ParsedLine =
  { readonly kind: 'row'; readonly row: Row } | { readonly kind: 'empty' } | BadLine;

function parseLine(bytes: Uint8Array, { schema, keyColumns }: JsonConversion): ParsedLine {
  const parsed = parseJsonLine(bytes);
  if (parsed.kind === 'empty') return parsed;
  if (parsed.kind === 'bad') return bad('INPUT_BAD_LINE', parsed.reason);
  const row = jsonToRow(parsed, schema.fields, 'drop');
  const missing = keyColumns.find((name) => !Object.hasOwn(row, name) || (row[name] ?? '') === '');
  if (missing === undefined) return { kind: 'row', row };
  return bad('INPUT_BAD_KEY', `the key ${missing} is missing, null or empty`);
}

function bad(code: string, reason: string): BadLine {
  return { kind: 'bad', code, reason };
}
