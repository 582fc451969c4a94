/** Files and folders named on the command line, as what `append` and `merge` take. */

import { fileURLToPath } from 'node:url';

import { isDeltaError, summaryOf } from '../base/index.ts';
import type { Row, StructType } from '../schema/index.ts';
import { readJsonRows, type TableTools } from '../table/index.ts';
import { sourceMissing, sourceMixed, sourceUnknown, sourceValueUnfit } from './errors.ts';

export type FileSources =
  { readonly parquet: readonly string[] } | { readonly rows: AsyncIterable<Row> };

const PARQUET = /\.parquet$/i;
const JSON_LINES = /\.(?:json|jsonl|ndjson)$/i;

/**
 * Hands `use` all Parquet files, or the rows of all JSON-lines files, that `texts` name; of a folder those below it,
 * hidden ones left out. Errors: `SOURCE_MISSING`, `SOURCE_UNKNOWN`, `SOURCE_MIXED` (invalid), `SOURCE_BAD_VALUE`,
 * `INPUT_BAD_LINE` (data), those of `use`.
 */
export async function withSources<T>(
  tools: TableTools,
  texts: readonly string[],
  schema: StructType,
  use: (source: FileSources) => Promise<T>,
): Promise<T> {
  const files: string[] = [];
  for (const text of texts) files.push(...(await filesOf(tools, text)));
  const parquet = files.filter((file) => PARQUET.test(file));
  if (parquet.length === files.length) return use({ parquet });
  if (parquet.length > 0) throw sourceMixed();
  try {
    return await use({ rows: rowsOf(tools, files, schema) });
  } catch (error) {
    throw await placed(error, placedRows(tools, files, schema));
  }
}

async function filesOf(tools: TableTools, text: string): Promise<string[]> {
  const isFile = PARQUET.test(text) || JSON_LINES.test(text);
  if (isFile) {
    const { store, path } = await tools.resolve(text);
    if ((await store.head(path)) !== null) return [text];
  }
  // Names found below a `file:` URI are put behind a path: they are not percent-encoded.
  const root = /^file:/i.test(text) ? fileURLToPath(text) : text;
  const folder = root.replace(/(?<=.)\/+$/, '');
  const found: string[] = [];
  for await (const { path } of tools.openStore(folder).list('', { recursive: true })) {
    if (/(?:^|\/)[_.]/.test(path)) continue;
    if (PARQUET.test(path) || JSON_LINES.test(path)) found.push(`${folder}/${path}`);
  }
  if (found.length > 0) return found;
  throw isFile ? sourceMissing(text) : sourceUnknown(text);
}

interface PlacedRow {
  readonly file: string;
  readonly line: number;
  readonly row: Row;
}

async function* placedRows(
  tools: TableTools,
  files: readonly string[],
  schema: StructType,
): AsyncGenerator<PlacedRow> {
  for (const file of files) {
    const { store, path } = await tools.resolve(file);
    const meta = await store.head(path);
    if (meta === null) throw sourceMissing(file);
    const content = { store, path, sizeBytes: meta.sizeBytes };
    for await (const { line, row } of readJsonRows(content, schema)) yield { file, line, row };
  }
}

async function* rowsOf(
  tools: TableTools,
  files: readonly string[],
  schema: StructType,
): AsyncGenerator<Row> {
  for await (const { row } of placedRows(tools, files, schema)) yield row;
}

/** A value that does not fit, told by file and line: the files are read again as far as its row. */
async function placed(error: unknown, rows: AsyncIterable<PlacedRow>): Promise<unknown> {
  if (!isDeltaError(error, 'INPUT_BAD_VALUE')) return error;
  const { rowIndex, column } = error.details;
  let index = 0;
  for await (const { file, line } of rows) {
    if (index === rowIndex) {
      const reason = isDeltaError(error.cause) ? error.cause : error;
      return sourceValueUnfit({ file, line, column: String(column) }, summaryOf(reason));
    }
    index += 1;
  }
  return error;
}
