/** A list of a table's files that was made elsewhere, as by the inventory of an object store: Parquet or JSON lines. */

import { readFooter, readRows, storeSource } from '../../parquet/index.ts';
import { parseDdl } from '../../schema/index.ts';
import type { TableContext } from '../types.ts';
import { inventoryInvalid } from './housekeeping-errors.ts';
import type { StoredFile } from './input-stage.ts';
import { readJsonRows } from './json-rows.ts';

export interface InventoryFile {
  /** A whole URI, encoded or not. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number;
}

/** The files of an inventory with Spark's columns. Errors: `VACUUM_INVENTORY`, those of reading it. */
export async function* readInventory(
  ctx: TableContext,
  uri: string,
): AsyncGenerator<InventoryFile> {
  const { store, path } = await ctx.resolve(uri);
  const meta = await store.head(path);
  if (meta === null) throw inventoryInvalid(uri, 'there is no such file');
  const { sizeBytes } = meta;
  const isJson = /\.(?:jsonl|ndjson|json)$/i.test(path);
  const rows = isJson
    ? readJsonRows({ store, path, sizeBytes }, SCHEMA)
    : parquetRows({ store, path, sizeBytes });
  for await (const { row } of rows) {
    const { path: file, isDir, modificationTime } = row;
    if (typeof file !== 'string') throw inventoryInvalid(uri, 'a row has no path');
    if (isDir === true) continue;
    if (typeof modificationTime !== 'bigint' && typeof modificationTime !== 'number') {
      throw inventoryInvalid(uri, `${file} has no modificationTime in milliseconds`);
    }
    yield { path: file, modifiedMs: Number(modificationTime) };
  }
}

const SCHEMA = parseDdl('path string, length bigint, isDir boolean, modificationTime bigint');

async function* parquetRows({
  store,
  path,
  sizeBytes,
}: StoredFile): AsyncGenerator<{ readonly row: Readonly<Record<string, unknown>> }> {
  const source = storeSource(store, path, { sizeBytes });
  for await (const row of readRows(source, await readFooter(source))) yield { row };
}
