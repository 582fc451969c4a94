/** Files in columns, as a checkpoint or a long log has them: what a state is made of where it has many. */

import type { AddFile, DeletionVectorDescriptor, PartitionValues } from './actions.ts';

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

/** Takes what is known of a file without its texts. */
export type MeasureVisitor = (
  sizeBytes: number,
  vector: DeletionVectorDescriptor | undefined,
) => void;

/**
 * Files in columns, no two of one path. What is not asked for is not decoded, so that a fault in it may show late, as an error
 * of the kind `data`.
 */
export interface FileColumns {
  readonly size: number;
  /** Those of files that are not there any more count. */
  readonly rowCount: number;
  /** Sum of the files' sizes. */
  readonly sizeBytes: number;
  /** The files of these keys (`pathKey`) that are there. */
  find(keys: ReadonlySet<string>): ReadonlyMap<string, ColumnFile>;
  /** The files, but for those in the rows of `hidden`. */
  select(selection: FileSelection, hidden: ReadonlySet<number>): Iterable<AddFile>;
  /** Shows the same files, without a path or statistics being decoded. */
  measure(visit: MeasureVisitor, hidden: ReadonlySet<number>): void;
}

/** Two of them as one: the rows of the first keep their numbers. No path is in both. */
export class JoinedColumns implements FileColumns {
  readonly rowCount: number;
  readonly #first: FileColumns;
  readonly #second: FileColumns;

  constructor(first: FileColumns, second: FileColumns) {
    this.rowCount = first.rowCount + second.rowCount;
    this.#first = first;
    this.#second = second;
  }

  get size(): number {
    return this.#first.size + this.#second.size;
  }

  get sizeBytes(): number {
    return this.#first.sizeBytes + this.#second.sizeBytes;
  }

  find(keys: ReadonlySet<string>): ReadonlyMap<string, ColumnFile> {
    const found = new Map(this.#first.find(keys));
    for (const [key, { row, file }] of this.#second.find(keys)) {
      found.set(key, { row: this.#first.rowCount + row, file });
    }
    return found;
  }

  *select(selection: FileSelection, hidden: ReadonlySet<number>): Generator<AddFile> {
    yield* this.#first.select(selection, hidden);
    yield* this.#second.select(selection, this.#ofSecond(hidden));
  }

  measure(visit: MeasureVisitor, hidden: ReadonlySet<number>): void {
    this.#first.measure(visit, hidden);
    this.#second.measure(visit, this.#ofSecond(hidden));
  }

  /** Those of the rows that the second one has, by its own numbers. */
  #ofSecond(rows: ReadonlySet<number>): ReadonlySet<number> {
    const { rowCount } = this.#first;
    return new Set([...rows].filter((row) => row >= rowCount).map((row) => row - rowCount));
  }
}
