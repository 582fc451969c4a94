/** Files that the engine is to read, as files on the local disk: those that are, and the parts needed of those that are not. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { isDeltaError, makeTempFolder } from '../../base/index.ts';
import { type ParquetFooter, readFooter, stageSparse, storeSource } from '../../parquet/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import { fileMissing } from '../errors.ts';
import { encodingUnreadable } from './errors.ts';

/** A Parquet file in a store. */
export interface StoredFile {
  readonly store: ObjectStore;
  readonly path: string;
  readonly sizeBytes: number;
}

/** A folder of local copies that lives as long as one operation. */
export class LocalStage {
  readonly directory: string;
  readonly #footers = new Map<string, Promise<ParquetFooter>>();
  readonly #files = new Map<string, Promise<string>>();
  #count = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<LocalStage> {
    return new LocalStage(await makeTempFolder());
  }

  /** A name for a new file in the folder. */
  freshFile(suffix: string): string {
    this.#count += 1;
    return join(this.directory, `${String(this.#count)}${suffix}`);
  }

  /** As `dataFileFooter`, read once. */
  footer(file: StoredFile): Promise<ParquetFooter> {
    return once(this.#footers, keyOf(file), () => dataFileFooter(file));
  }

  /**
   * A local file that reads as the stored one as far as `columns` (top-level names as in the file; null for all) go:
   * the file itself where the store is local. What was fetched is fetched once. Errors: `ENGINE_ENCODING` (data).
   */
  async localFile(
    file: StoredFile,
    footer: ParquetFooter,
    columns: readonly string[] | null,
  ): Promise<string> {
    const { store, path, sizeBytes } = file;
    checkEncodings(path, footer, columns);
    const local = store.localFile(path);
    if (local !== null) return local;
    return once(this.#files, JSON.stringify([keyOf(file), columns]), async () => {
      const staged = this.freshFile('.parquet');
      await stageSparse(storeSource(store, path, { sizeBytes }), footer, {
        file: staged,
        ...(columns === null ? {} : { columns: columns.map((name) => [name]) }),
      });
      return staged;
    });
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The footer of a stored file. */
export async function storedFooter({ store, path, sizeBytes }: StoredFile): Promise<ParquetFooter> {
  return readFooter(storeSource(store, path, { sizeBytes }));
}

/**
 * The footer of a data file, also where the log tells another size than the file has: then by what the store says.
 * Errors: `TABLE_FILE_MISSING` (data), those of the store and of Parquet.
 */
export async function dataFileFooter(file: StoredFile): Promise<ParquetFooter> {
  try {
    return await storedFooter(file);
  } catch (error) {
    if (isDeltaError(error, 'STORE_NOT_FOUND')) throw fileMissing(file.path, error);
    if (!isDeltaError(error) || error.kind !== 'data') throw error;
    const meta = await file.store.head(file.path);
    if (meta === null || meta.sizeBytes === file.sizeBytes) throw error;
    return storedFooter({ ...file, sizeBytes: meta.sizeBytes });
  }
}

/** The engine reads this encoding of floating numbers alone, though the format has it for more types by now. */
function checkEncodings(
  path: string,
  { rowGroups }: ParquetFooter,
  columns: readonly string[] | null,
): void {
  for (const chunk of rowGroups.flatMap((rowGroup) => rowGroup.columns)) {
    const [column = ''] = chunk.path;
    const isSplit = chunk.encodings.includes('BYTE_STREAM_SPLIT');
    const isFloat = chunk.physicalType === 'FLOAT' || chunk.physicalType === 'DOUBLE';
    if (!isSplit || isFloat || columns?.includes(column) === false) continue;
    throw encodingUnreadable(path, chunk.path.join('.'), 'BYTE_STREAM_SPLIT');
  }
}

function keyOf({ store, path }: StoredFile): string {
  return JSON.stringify([store.uri, path]);
}

function once<T>(known: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> {
  const found = known.get(key) ?? work();
  known.set(key, found);
  return found;
}
