/** The files that COPY INTO finds, and the names by which a table remembers them. */

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

import { decodePath, type Row, type StructType } from '../../schema/index.ts';
import type { ObjectMeta, ObjectStore } from '../../store/index.ts';
import { encodedRoot } from '../stored-file.ts';
import type { TableContext } from '../types.ts';
import type { AppendSource } from './append-source.ts';
import type { CopyIntoOptions } from './copy-into.ts';
import { copyIntoInvalid } from './copy-into-errors.ts';
import { formatOf, isInput, pathPattern } from './input-list.ts';
import { readJsonRows } from './json-rows.ts';

/** A file below the prefix. */
export interface NewFile extends ObjectMeta {
  readonly store: ObjectStore;
  readonly format: 'parquet' | 'json';
  /** The application whose transaction remembers it. */
  readonly appId: string;
}

/** In the order of the bytes of their paths. Errors: `COPY_INTO_INVALID`, those of the store. */
export async function listFiles(
  ctx: TableContext,
  { from, pattern, format, evolve = 'none', signal }: CopyIntoOptions,
): Promise<readonly NewFile[]> {
  const store = await storeAt(ctx, from);
  const fits = pattern === undefined ? null : pathPattern(pattern);
  const skip = (path: string): boolean =>
    !isInput(path) ||
    (format !== undefined && formatOf(path) !== format) ||
    fits?.test(path) === false;
  const files: NewFile[] = [];
  for await (const meta of store.list('', { recursive: true, skip })) {
    signal?.throwIfAborted();
    const uri = `${placeOf(store)}/${meta.path}`;
    if (uri.startsWith(`${placeOf(ctx.store)}/`)) {
      throw copyIntoInvalid(`${from} holds the table itself; choose other files by pattern`);
    }
    files.push({ ...meta, store, format: formatOf(meta.path), appId: appIdOf(uri) });
  }
  if (files.length === 0) checkFolder(store, from);
  if (new Set(files.map((file) => file.format)).size > 1) {
    throw copyIntoInvalid('there are Parquet and JSON files: choose one format by its name');
  }
  if (evolve !== 'none' && files[0]?.format === 'json') {
    throw copyIntoInvalid('JSON tells no types to evolve the table by; add the columns first');
  }
  return files;
}

/** The files, of one format, as what an append takes; JSON by the columns of the schema. */
export function sourceOf(files: readonly NewFile[], schema: StructType): AppendSource {
  return files[0]?.format === 'json'
    ? { rows: rowsOf(files, schema) }
    : { parquet: files.map(uriOf) };
}

async function storeAt({ resolve }: TableContext, uri: string): Promise<ObjectStore> {
  const { store, path } = await resolve(`${uri.replace(/(?<=.)\/+$/, '')}/x`);
  return store.at(path.slice(0, -1).replace(/\/$/, ''));
}

/** On a disk a folder is there or not; a prefix of an object store without objects may be one whose first is still to come. */
function checkFolder(store: ObjectStore, from: string): void {
  const file = store.localFile('any name');
  if (file === null) return;
  const folder = statSync(dirname(file), { throwIfNoEntry: false });
  if (folder?.isDirectory() !== true) throw copyIntoInvalid(`${from} is no folder`);
}

/** The URI of a store's root, decoded: the same for a folder from whatever prefix it is reached. */
function placeOf(store: ObjectStore): string {
  return decodePath(encodedRoot(store));
}

function appIdOf(uri: string): string {
  const hash = createHash('sha256').update(uri, 'utf8').digest().subarray(0, 16);
  return `deltawright.copyInto/${hash.toString('base64url')}`;
}

function uriOf({ store, path }: NewFile): string {
  const local = store.localFile(path);
  return local === null ? `${store.uri}/${path}` : pathToFileURL(local).href;
}

async function* rowsOf(files: readonly NewFile[], schema: StructType): AsyncGenerator<Row> {
  for (const file of files) {
    for await (const { row } of readJsonRows(file, schema)) yield row;
  }
}
