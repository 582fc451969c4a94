/** Files in columns, as a checkpoint or a long log has them: what a state is made of where it has many. */

import type { AddFile, PartitionValues } from './actions.ts';

export interface FileSelection {
  /**
   * Which partitions are wanted: asked once for values that many files share, by their names in the log. Default: all.
   */
  readonly partition?: (values: PartitionValues) => boolean;
  /** False leaves `stats` out, where that saves reading them. Default true. */
  readonly statistics?: boolean;
}

/** A file of `FileColumns`, and where it stands there. */
export interface ColumnFile {
  readonly row: number;
  readonly file: AddFile;
}

/**
 * Files in columns, no two of one path. What is not asked for is not decoded, so that a fault in it may show late, as an error
 * of the kind `data`.
 */
export interface FileColumns {
  readonly size: number;
  /** Sum of the files' sizes. */
  readonly sizeBytes: number;
  /** The files of these keys (`pathKey`) that are there. */
  find(keys: ReadonlySet<string>): ReadonlyMap<string, ColumnFile>;
  /** The files, but for those in the rows of `hidden`. */
  select(selection: FileSelection, hidden: ReadonlySet<number>): Iterable<AddFile>;
}

/** Two of them as one. No path is in both. */
export class JoinedColumns implements FileColumns {
  readonly size: number;
  readonly sizeBytes: number;
  readonly #first: FileColumns & { readonly rowCount: number };
  readonly #second: FileColumns;

  constructor(first: FileColumns & { readonly rowCount: number }, second: FileColumns) {
    this.size = first.size + second.size;
    this.sizeBytes = first.sizeBytes + second.sizeBytes;
    this.#first = first;
    this.#second = second;
  }

  find(keys: ReadonlySet<string>): ReadonlyMap<string, ColumnFile> {
    const found = new Map(this.#first.find(keys));
    for (const [key, { row, file }] of this.#second.find(keys)) {
      found.set(key, { row: this.#first.rowCount + row, file });
    }
    return found;
  }

  *select(selection: FileSelection, hidden: ReadonlySet<number>): Generator<AddFile> {
    const { rowCount } = this.#first;
    const behind = [...hidden].filter((row) => row >= rowCount).map((row) => row - rowCount);
    yield* this.#first.select(selection, hidden);
    yield* this.#second.select(selection, new Set(behind));
  }
}
