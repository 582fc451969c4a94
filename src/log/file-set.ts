/**
 * The live files of a state: those of a checkpoint or of a long log in columns, and over them what commits changed since, file
 * by file. Never changes; a commit makes the next one, and shares all that it did not touch.
 */

import { assert } from '../base/index.ts';
import type { AddFile, RemoveFile } from './actions.ts';
import type { AddLine } from './add-line.ts';
import {
  type FileColumns,
  type FileSelection,
  JoinedColumns,
  type MeasureVisitor,
} from './file-columns.ts';
import type { FileBlocks } from './file-blocks.ts';
import { vectorId } from './file-key.ts';
import { GrownFiles } from './grown-files.ts';
import { LayeredDraft, LayeredMap } from './layered-map.ts';

/** The live files are those of the columns, but for the rows of `hidden`, and the others. */
export interface FileLayers {
  readonly columns: FileColumns | null;
  readonly hidden: ReadonlySet<number>;
  readonly others: Iterable<AddFile>;
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

type Change = AddFile | Touched;

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
    if (change !== null) return liveOf(change);
    return columns?.find(new Set([key])).get(key)?.file ?? null;
  }

  /** The live files, in no promised order. */
  values(): Iterable<AddFile> {
    return this.select({});
  }

  /** The live files of some partitions, in no promised order. */
  *select(selection: FileSelection): Generator<AddFile> {
    const { columns } = this.#parts;
    if (columns !== null) yield* columns.select(selection, this.#hidden());
    yield* this.#besideColumns(selection);
  }

  /** Shows the live files to `visit`, in no promised order: cheaper than making an object of each. */
  measure(visit: MeasureVisitor): void {
    const { columns } = this.#parts;
    columns?.measure(visit, this.#hidden());
    for (const { size, deletionVector } of this.#besideColumns({})) visit(size, deletionVector);
  }

  /** The files that came in columns, those among them that were touched since; null where none did. */
  get columns(): FileColumns | null {
    return this.#parts.columns;
  }

  /** The parts that the set is made of, for those who write it down. */
  layers(): FileLayers {
    const { columns } = this.#parts;
    return { columns, hidden: this.#hidden(), others: this.#besideColumns({}) };
  }

  /** Collects changes to this set. */
  draft(): FileDraft {
    return new FileDraft(this.#parts);
  }

  /** Rows of the columns whose files were touched since. */
  #hidden(): ReadonlySet<number> {
    const hidden = new Set<number>();
    for (const change of this.#parts.changes.values()) {
      if (change instanceof Touched) hidden.add(change.row);
    }
    return hidden;
  }

  *#besideColumns({ partition }: FileSelection): Generator<AddFile> {
    for (const change of this.#parts.changes.values()) {
      const file = liveOf(change);
      if (file !== null && partition?.(file.partitionValues) !== false) yield file;
    }
  }
}

/** Changes to a `FileSet` that are being collected. */
export class FileDraft {
  #columns: FileColumns | null;
  readonly #changes: LayeredDraft<Change>;
  /** Of a log that is read from its start: files that are in no columns that came. */
  readonly #grown: GrownFiles | null;
  #size: number;
  #sizeBytes: number;

  constructor({ columns, changes, size, sizeBytes }: Parts) {
    this.#columns = columns;
    this.#changes = new LayeredDraft(changes);
    this.#grown = columns === null && size === 0 ? new GrownFiles() : null;
    this.#size = size;
    this.#sizeBytes = sizeBytes;
  }

  /** Whether `load` has to be called before files are added or removed. */
  get hasColumns(): boolean {
    return this.#columns !== null;
  }

  /** Whether there are so many files of commits alone that `addLine` is to be called for those that it takes. */
  get isLong(): boolean {
    return this.#columns === null && this.#grown?.isLong === true;
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
    if (change === null && this.#grown !== null) {
      this.#grown.add(key, file);
      return;
    }
    const before = change === null ? null : liveOf(change);
    this.#size += before === null ? 1 : 0;
    this.#sizeBytes += file.size - (before?.size ?? 0);
    this.#changes.set(key, change instanceof Touched ? new Touched(change.row, file) : file);
  }

  /** As `add`, where `isLong`; false where the line is no action after all. */
  addLine(line: AddLine, bytes: Buffer, view: DataView): boolean {
    assert(this.#grown !== null, 'a line was added to files that are no long log');
    return this.#grown.addLine(line, bytes, view);
  }

  /** Only where the live file has the same deletion vector, or none as the other. */
  remove(key: string, { deletionVector }: Pick<RemoveFile, 'deletionVector'>): void {
    const change = this.#changes.get(key);
    if (change === null) this.#grown?.remove(key, deletionVector);
    const live = change === null ? null : liveOf(change);
    if (live === null || vectorId(live.deletionVector) !== vectorId(deletionVector)) return;
    this.#size -= 1;
    this.#sizeBytes -= live.size;
    this.#changes.set(key, change instanceof Touched ? new Touched(change.row, null) : null);
  }

  finish(): FileSet {
    const { few, blocks } = this.#grown?.finish() ?? { few: [], blocks: null };
    for (const [key, file] of few) this.#changes.set(key, file);
    return new FileSet({
      columns: joined(blocks, this.#columns),
      changes: this.#changes.finish(),
      size: this.#size + (this.#grown?.size ?? 0),
      sizeBytes: this.#sizeBytes + (this.#grown?.sizeBytes ?? 0),
    });
  }
}

function joined(blocks: FileBlocks | null, columns: FileColumns | null): FileColumns | null {
  return blocks === null || columns === null
    ? (blocks ?? columns)
    : new JoinedColumns(blocks, columns);
}

function liveOf(change: Change): AddFile | null {
  return change instanceof Touched ? change.file : change;
}
