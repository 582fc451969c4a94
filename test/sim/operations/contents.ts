/** The rows of files, as they were written, whether or not they are still in the store. */

import {
  type DeletionVectorDescriptor,
  decodeVector,
  unframeVector,
  vectorPlace,
} from '../../../src/log/index.ts';
import { memorySource, readFooter, readRows } from '../../../src/parquet/index.ts';
import { Violation } from '../table-state.ts';
import { rowOf, type Rows, type SimRow } from './rows.ts';

/** A file as a version has it. */
export interface FileVersion {
  /** Below the table, decoded. */
  readonly path: string;
  /** Of the partition; null of a table without. */
  readonly part: string | null;
  readonly vector: DeletionVectorDescriptor | null;
}

export class Contents {
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #rows = new Map<string, Promise<Rows>>();

  wrote(path: string, bytes: Uint8Array): void {
    this.#bytes.set(path, bytes.slice());
  }

  /** Read without any store. */
  async rows({ path, part, vector }: FileVersion): Promise<Rows> {
    const rows = this.#rows.get(path) ?? this.#read(path, part);
    this.#rows.set(path, rows);
    const all = await rows;
    if (vector === null) return all;
    const hidden = decodeVector(this.#blobOf(vector), vector, all.length);
    return all.filter((_, row) => ((hidden[row >> 3] ?? 0) & (128 >> (row % 8))) === 0);
  }

  /** All rows that stand in a file, whatever hides them; of the partition where its folder names one. */
  storedRows(path: string): Promise<Rows> {
    const part = /(?:^|\/)part=([^/]*)\//.exec(path)?.[1] ?? null;
    return this.rows({ path, part, vector: null });
  }

  async #read(path: string, part: string | null): Promise<Rows> {
    const source = memorySource(path, this.#written(path));
    const rows: SimRow[] = [];
    for await (const row of readRows(source, await readFooter(source))) {
      rows.push(rowOf(part === null ? row : { ...row, part }));
    }
    return rows;
  }

  #blobOf(vector: DeletionVectorDescriptor): Uint8Array {
    const place = vectorPlace(vector);
    if (place.kind === 'inline') return place.blob;
    const path = vectorPath(vector) ?? '';
    return unframeVector(this.#written(path).subarray(place.start, place.end), vector);
  }

  #written(path: string): Uint8Array {
    const bytes = this.#bytes.get(path);
    if (bytes === undefined) throw new Violation(`nobody wrote ${path}`);
    return bytes;
  }
}

/** The file that holds a vector; null of one in the log. */
export function vectorPath(vector: DeletionVectorDescriptor): string | null {
  const place = vectorPlace(vector);
  if (place.kind === 'inline') return null;
  return place.path.kind === 'key' ? place.path.key : place.path.path;
}
