/** Files that the engine is to read, as files on the local disk: those that are, and the parts needed of those that are not. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type ParquetFooter, readFooter, stageSparse, storeSource } from '../../parquet/index.ts';
import type { ObjectStore } from '../../store/index.ts';

/** A Parquet file in a store. */
export interface StoredFile {
  readonly store: ObjectStore;
  readonly path: string;
  readonly sizeBytes: number;
}

/** A folder of local copies that lives as long as one operation. */
export class LocalStage {
  readonly directory: string;
  #count = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<LocalStage> {
    return new LocalStage(await mkdtemp(join(tmpdir(), 'deltawright-')));
  }

  /** A name for a new file in the folder. */
  freshFile(suffix: string): string {
    this.#count += 1;
    return join(this.directory, `${String(this.#count)}${suffix}`);
  }

  /**
   * A local file that reads as the stored one as far as `columns` (top-level names as in the file; null for all) go:
   * the file itself where the store is local.
   */
  async localFile(
    { store, path, sizeBytes }: StoredFile,
    footer: ParquetFooter,
    columns: readonly string[] | null,
  ): Promise<string> {
    const local = store.localFile(path);
    if (local !== null) return local;
    const staged = this.freshFile('.parquet');
    await stageSparse(storeSource(store, path, { sizeBytes }), footer, {
      file: staged,
      ...(columns === null ? {} : { columns: columns.map((name) => [name]) }),
    });
    return staged;
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The footer of a stored file. */
export async function storedFooter({ store, path, sizeBytes }: StoredFile): Promise<ParquetFooter> {
  return readFooter(storeSource(store, path, { sizeBytes }));
}
