/**
 * The live files of a state: those of a checkpoint in columns, as they came, and over them what commits changed since,
 * file by file. Never changes; a commit makes the next one, and shares all that it did not touch.
 */

import { assert } from '../base/index.ts';
import type { AddFile, PartitionValues, RemoveFile } from './actions.ts';
import { vectorId } from './file-key.ts';
import { LayeredDraft, LayeredMap } from './layered-map.ts';
import { BLOCK_FILES, PackedFile, StatsPack } from './stats-pack.ts';

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

/** A file that came in columns, and was touched by a commit since. */
class Touched {
  /** Where it stands in the columns. */
  readonly row: number;
  /** What it is now; null where it is not live any more. */
  readonly file: AddFile | null;

  constructor(row: number, file: AddFile | null) {
    this.row = row;
    this.file = file;
  }
}

type Change = AddFile | PackedFile | Touched;

interface Parts {
  readonly columns: FileColumns | null;
  /** By `pathKey`. */
  readonly changes: LayeredMap<Change>;
  readonly size: number;
  readonly sizeBytes: number;
}

export class FileSet {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  static empty(): FileSet {
    return new FileSet({ columns: null, changes: LayeredMap.empty(), size: 0, sizeBytes: 0 });
  }

  get size(): number {
    return this.#parts.size;
  }

  /** Sum of the files' sizes. */
  get sizeBytes(): number {
    return this.#parts.sizeBytes;
  }

  /** The live file of this `pathKey`, or null. */
  get(key: string): AddFile | null {
    const { columns, changes } = this.#parts;
    const change = changes.get(key);
    if (change !== null) return change instanceof PackedFile ? change.whole() : liveOf(change);
    return columns?.find(new Set([key])).get(key)?.file ?? null;
  }

  /** The live files, in no promised order. */
  values(): Iterable<AddFile> {
    return this.select({});
  }

  /** The live files of some partitions, in no promised order. */
  *select(selection: FileSelection): Generator<AddFile> {
    const { columns, changes } = this.#parts;
    if (columns !== null) {
      const hidden = new Set<number>();
      for (const change of changes.values()) {
        if (change instanceof Touched) hidden.add(change.row);
      }
      yield* columns.select(selection, hidden);
    }
    const { partition, statistics = true } = selection;
    for (const change of changes.values()) {
      const file = liveOf(change);
      if (file === null || partition?.(file.partitionValues) === false) continue;
      yield change instanceof PackedFile && statistics ? change.whole() : file;
    }
  }

  /** Collects changes to this set. */
  draft(): FileDraft {
    return new FileDraft(this.#parts);
  }
}

/** Changes to a `FileSet` that are being collected. */
export class FileDraft {
  #columns: FileColumns | null;
  readonly #changes: LayeredDraft<Change>;
  /** Of a log that is read from its start: changes to what is there already are few. */
  readonly #pack: StatsPack | null;
  /** Files that are to be packed, by their keys. */
  #loose = new Map<string, AddFile>();
  #size: number;
  #sizeBytes: number;

  constructor({ columns, changes, size, sizeBytes }: Parts) {
    this.#pack = size === 0 ? new StatsPack() : null;
    this.#columns = columns;
    this.#changes = new LayeredDraft(changes);
    this.#size = size;
    this.#sizeBytes = sizeBytes;
  }

  /** Whether `load` has to be called before files are added or removed. */
  get hasColumns(): boolean {
    return this.#columns !== null;
  }

  /** Files that come in columns, all of them at once and none of them twice. */
  start(columns: FileColumns): void {
    assert(this.#columns === null, 'files came in columns twice');
    this.#columns = columns;
    this.#size += columns.size;
    this.#sizeBytes += columns.sizeBytes;
  }

  /** Looks up the files of these keys in the columns: many at once cost hardly more than one. */
  load(keys: Iterable<string>): void {
    const wanted = new Set<string>();
    for (const key of keys) if (this.#changes.get(key) === null) wanted.add(key);
    if (this.#columns === null || wanted.size === 0) return;
    for (const [key, { row, file }] of this.#columns.find(wanted)) {
      this.#changes.set(key, new Touched(row, file));
    }
  }

  /** The file takes the place of the one that has its key. */
  add(key: string, file: AddFile): void {
    const change = this.#changes.get(key);
    const before = change === null ? null : liveOf(change);
    this.#size += before === null ? 1 : 0;
    this.#sizeBytes += file.size - (before?.size ?? 0);
    this.#changes.set(key, change instanceof Touched ? new Touched(change.row, file) : file);
    if (this.#pack === null || file.stats === undefined || change instanceof Touched) return;
    this.#loose.set(key, file);
    if (this.#loose.size === BLOCK_FILES) this.#packLoose(this.#pack);
  }

  /** Only where the live file has the same deletion vector, or none as the other. */
  remove(key: string, { deletionVector }: Pick<RemoveFile, 'deletionVector'>): void {
    const change = this.#changes.get(key);
    const live = change === null ? null : liveOf(change);
    if (live === null || vectorId(live.deletionVector) !== vectorId(deletionVector)) return;
    this.#size -= 1;
    this.#sizeBytes -= live.size;
    this.#changes.set(key, change instanceof Touched ? new Touched(change.row, null) : null);
  }

  /** Those that were not changed again in the meantime. */
  #packLoose(pack: StatsPack): void {
    const live = [...this.#loose].filter(([key, file]) => this.#changes.get(key) === file);
    const packed = pack.pack(live.map(([, file]) => file));
    for (const [index, [key]] of live.entries()) this.#changes.set(key, packed[index] ?? null);
    this.#loose = new Map();
  }

  finish(): FileSet {
    return new FileSet({
      columns: this.#columns,
      changes: this.#changes.finish(),
      size: this.#size,
      sizeBytes: this.#sizeBytes,
    });
  }
}

/** What is packed comes without its statistics. */
function liveOf(change: Change): AddFile | null {
  return change instanceof Touched || change instanceof PackedFile ? change.file : change;
}
