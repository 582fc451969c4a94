/** The files of a checkpoint as columns: its row groups as segments, one after another. */

import { type DeltaError, isDeltaError } from '../base/index.ts';
import {
  type AddFile,
  type ColumnFile,
  type FileColumns,
  type FileSelection,
  pathKey,
} from '../log/index.ts';
import type * as Parquet from '../parquet/index.ts';
import { withoutRepeats } from './checkpoint-repeats.ts';
import { checkpointCorrupt } from './errors.ts';
import { type FileSegment, SegmentReader } from './file-segment.ts';
import type { PartitionTable } from './partition-table.ts';
import { hashOfKey, maySpellOtherwise, PathIndex } from './path-index.ts';

/** A segment, and where it stands among the others. */
export interface PlacedSegment {
  readonly segment: FileSegment;
  /** Rows in the segments before it. */
  readonly first: number;
}

export interface CheckpointSegments {
  readonly parquet: typeof Parquet;
  /** Of the partitions that the segments have numbers of. */
  readonly table: PartitionTable;
  readonly segments: readonly FileSegment[];
  /** Whether some of their files may be there twice, as other writers leave them: told when it is asked for. */
  readonly mayRepeat: boolean;
  /** For messages. */
  readonly checkpoint: { readonly version: number; readonly path: string };
}

/** Of segments, which several checkpoints have in common. */
const indexes = new WeakMap<FileSegment, PathIndex>();

/** What turns out to be broken when it is asked for is `CHECKPOINT_CORRUPT`, and `fault` from then on. */
export class CheckpointColumns implements FileColumns {
  readonly rowCount: number;
  readonly #parquet: typeof Parquet;
  /** The partitions that the segments have numbers of. */
  readonly table: PartitionTable;
  #segments: readonly PlacedSegment[];
  #mayRepeat: boolean;
  #sums: { readonly size: number; readonly sizeBytes: number } | null = null;
  readonly #checkpoint: CheckpointSegments['checkpoint'];
  #fault: DeltaError | null = null;
  #searches = 0;

  constructor({ parquet, table, segments, mayRepeat, checkpoint }: CheckpointSegments) {
    this.#parquet = parquet;
    this.table = table;
    this.#checkpoint = checkpoint;
    this.#mayRepeat = mayRepeat;
    let first = 0;
    this.#segments = segments.map((segment) => {
      const placed = { segment, first };
      first += segment.rowCount;
      return placed;
    });
    this.rowCount = first;
  }

  get size(): number {
    return this.#summed().size;
  }

  get sizeBytes(): number {
    return this.#summed().sizeBytes;
  }

  /** No two of their files have one path. */
  get segments(): readonly PlacedSegment[] {
    if (this.#mayRepeat) {
      this.#segments = this.#sound(() => this.#withoutRepeats());
      this.#mayRepeat = false;
    }
    return this.#segments;
  }

  /** What was found to be wrong with the checkpoint; null as long as nothing is. */
  get fault(): DeltaError | null {
    return this.#fault;
  }

  /** The file that it is, as errors name it. */
  get path(): string {
    return this.#checkpoint.path;
  }

  find(keys: ReadonlySet<string>): ReadonlyMap<string, ColumnFile> {
    return this.#sound(() => this.#find(keys));
  }

  *select(selection: FileSelection, hidden: ReadonlySet<number>): Generator<AddFile> {
    const { partition, statistics = true } = selection;
    const verdicts: (boolean | undefined)[] = [];
    const isWanted = (number: number): boolean => {
      if (partition === undefined) return true;
      return (verdicts[number] ??= partition(this.table.values(number)));
    };
    try {
      // Few are held against each other as they come, which takes no look at all the others.
      const seen = this.#mayRepeat && this.#areFew(isWanted) ? new Set<string>() : null;
      for (const { segment, first } of seen === null ? this.segments : this.#segments) {
        const { isFile, rowCount } = segment;
        const partitions = segment.partitions();
        let reader: SegmentReader | null = null;
        for (let row = 0; row < rowCount; row += 1) {
          if (isFile !== null && isFile[row] === 0) continue;
          if (!isWanted(partitions[row] ?? 0)) continue;
          if (hidden.size > 0 && hidden.has(first + row)) continue;
          reader ??= this.readerOf(segment);
          const file = reader.file(row, { statistics });
          if (seen === null || isFirst(file, seen)) yield file;
        }
      }
    } catch (error) {
      throw this.#corrupt(error);
    }
  }

  measure(...[visit, hidden]: Parameters<FileColumns['measure']>): void {
    for (const { segment, first } of this.segments) {
      const { isFile, sizes, vectors, rowCount } = segment;
      for (let row = 0; row < rowCount; row += 1) {
        if (isFile?.[row] === 0 || hidden.has(first + row)) continue;
        visit(sizes[row] ?? 0, vectors.get(row));
      }
    }
  }

  /** Reads the files of one of the segments. */
  readerOf(segment: FileSegment): SegmentReader {
    return new SegmentReader(this.#parquet, segment, this.table);
  }

  #summed(): { readonly size: number; readonly sizeBytes: number } {
    if (this.#sums !== null) return this.#sums;
    let [size, sizeBytes] = [0, 0];
    for (const { segment } of this.segments) {
      for (let row = 0; row < segment.rowCount; row += 1) {
        if (segment.isFile !== null && segment.isFile[row] === 0) continue;
        size += 1;
        sizeBytes += segment.sizes[row] ?? 0;
      }
    }
    return (this.#sums = { size, sizeBytes });
  }

  #withoutRepeats(): readonly PlacedSegment[] {
    const distinct = withoutRepeats(
      this.#segments.map(({ segment }) => segment),
      (segment) => {
        const reader = this.readerOf(segment);
        return (row) => reader.path(row);
      },
    );
    return this.#segments.map(({ segment, first }, index) => {
      return { segment: distinct[index] ?? segment, first };
    });
  }

  #areFew(isWanted: (partition: number) => boolean): boolean {
    let left = this.rowCount / FEW_SHARE;
    for (const { segment } of this.#segments) {
      for (const partition of segment.partitions()) if (isWanted(partition)) left -= 1;
      if (left < 0) return false;
    }
    return true;
  }

  #sound<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#corrupt(error);
    }
  }

  #corrupt(error: unknown): unknown {
    if (!isDeltaError(error) || !error.code.startsWith('PARQUET_')) return error;
    this.#fault = checkpointCorrupt(this.#checkpoint, error);
    return this.#fault;
  }

  /** The first search goes through the paths themselves; a second one makes indexes of them, since more will follow. */
  #find(keys: ReadonlySet<string>): ReadonlyMap<string, ColumnFile> {
    this.#searches += 1;
    const [wanted, hashes] = [this.#keySet(keys), Array.from(keys, hashOfKey)];
    const rows: number[] = [];
    for (const { segment, first } of this.segments) {
      const index = indexes.get(segment) ?? (this.#searches > 1 ? this.#makeIndex(segment) : null);
      const own = index?.rowsOf(hashes) ?? this.#rowsOf(segment, wanted, keys);
      for (const row of own) rows.push(first + row);
    }
    return this.#filesAt(rows, keys);
  }

  #keySet(keys: ReadonlySet<string>): Parquet.KeySet {
    const set = new this.#parquet.KeySet();
    for (const key of keys) {
      const bytes = Buffer.from(key);
      set.add(bytes, 0, bytes.length);
    }
    return set;
  }

  /** The rows of the keys, which are wanted, in rising order. */
  #rowsOf(
    segment: FileSegment,
    wanted: Parquet.KeySet,
    keys: ReadonlySet<string>,
  ): readonly number[] {
    const rows: number[] = [];
    for (const page of new this.#parquet.LeafReader(segment.paths).textPages()) {
      const hits = hitsOf(page, wanted, keys);
      if (hits.size === 0) continue;
      for (let at = 0; at < page.rowCount; at += 1) {
        const entry = page.entries === null ? at : (page.entries[at] ?? -1);
        if (hits.has(entry)) rows.push(page.first + at);
      }
    }
    return rows;
  }

  #makeIndex(segment: FileSegment): PathIndex {
    const index = new PathIndex(segment.rowCount);
    for (const page of new this.#parquet.LeafReader(segment.paths).textPages()) {
      index.addPage(page);
    }
    indexes.set(segment, index);
    return index;
  }

  /** Of the files in these rows, which rise, those that have one of the keys. */
  #filesAt(rows: readonly number[], keys: ReadonlySet<string>): ReadonlyMap<string, ColumnFile> {
    const found = new Map<string, ColumnFile>();
    let number = 0;
    let reader: SegmentReader | null = null;
    for (const row of rows) {
      let place = this.segments[number];
      while (place !== undefined && row >= place.first + place.segment.rowCount) {
        number += 1;
        place = this.segments[number];
        reader = null;
      }
      if (place === undefined) break;
      reader ??= this.readerOf(place.segment);
      const key = pathKey(reader.path(row - place.first));
      if (!keys.has(key)) continue;
      found.set(key, { row, file: reader.file(row - place.first, { statistics: true }) });
    }
    return found;
  }
}

/** Of so many files, those that are one are few. */
const FEW_SHARE = 32;

/** Whether the add has not been seen: the same one has the same path, size and time. */
function isFirst({ path, size, modificationTime }: AddFile, seen: Set<string>): boolean {
  const before = seen.size;
  return seen.add(`${size} ${modificationTime} ${pathKey(path)}`).size > before;
}

/** Which values of the page are paths of the keys. */
function hitsOf(
  { values }: Parquet.TextPage,
  wanted: Parquet.KeySet,
  keys: ReadonlySet<string>,
): ReadonlySet<number> {
  const hits = new Set<number>();
  const bytes = Buffer.from(values.bytes.buffer, values.bytes.byteOffset, values.bytes.byteLength);
  if (!maySpellOtherwise(bytes)) {
    values.findEach(wanted, (entry) => hits.add(entry));
    return hits;
  }
  const offsets = values.offsets();
  for (let entry = 0; entry < values.count; entry += 1) {
    const path = bytes.toString('utf8', (offsets[entry] ?? 0) + 4, offsets[entry + 1]);
    if (keys.has(pathKey(path))) hits.add(entry);
  }
  return hits;
}
