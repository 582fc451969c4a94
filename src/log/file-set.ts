/**
 * The live files of a state: those of a checkpoint or of a long log in columns, and over them what commits changed since, file
 * by file. Never changes; a commit makes the next one, and shares all that it did not touch. Which rows of the columns commits speak
 * of is looked up when it is asked for: whoever lists one partition, or nothing, needs no path of all the others.
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
import { isHidden, PendingFiles } from './pending-files.ts';

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
  /** What the changes make of the columns' own: fewer where it is below zero. */
  readonly sizeChange: number;
  readonly bytesChange: number;
}

/** More is looked up before another set goes on from it, which copies it. */
const COPIED_MAX = 1_024;
/** Of one draft: more is looked up before it ends. */
const PENDING_MAX = 65_536;

/** Whatever looks into the columns throws what these throw. */
export class FileSet {
  #parts: Parts;
  /** Of files that are not among the changes: over the columns, until these are asked. */
  #pending: PendingFiles | null;
  /** Files that were listed and held to what is pending. */
  #compared = 0;

  constructor(parts: Parts, pending: PendingFiles | null) {
    this.#parts = parts;
    this.#pending = pending;
  }

  static empty(): FileSet {
    const nothing = { columns: null, sizeChange: 0, bytesChange: 0 };
    return new FileSet({ ...nothing, changes: LayeredMap.empty() }, null);
  }

  get size(): number {
    const { columns, sizeChange } = this.#settled();
    return (columns?.size ?? 0) + sizeChange;
  }

  /** Sum of the files' sizes. */
  get sizeBytes(): number {
    const { columns, bytesChange } = this.#settled();
    return (columns?.sizeBytes ?? 0) + bytesChange;
  }

  /** The live file of this `pathKey`, or null. */
  get(key: string): AddFile | null {
    const { columns, changes } = this.#settled();
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
    // Whoever lists again and again pays less for looking up once.
    if (this.#compared >= (this.#parts.columns?.rowCount ?? 0)) this.#settled();
    const [{ columns, changes }, pending] = [this.#parts, this.#pending];
    for (const file of columns?.select(selection, hiddenBy(changes)) ?? []) {
      this.#compared += 1;
      if (pending?.hides(file) !== true) yield file;
    }
    for (const file of besideColumns(changes, pending)) {
      if (selection.partition?.(file.partitionValues) !== false) yield file;
    }
  }

  /** Shows the live files to `visit`, in no promised order: cheaper than making an object of each. */
  measure(visit: MeasureVisitor): void {
    const { columns, changes } = this.#settled();
    columns?.measure(visit, hiddenBy(changes));
    for (const { size, deletionVector } of besideColumns(changes, null)) {
      visit(size, deletionVector);
    }
  }

  /** The files that came in columns, those among them that were touched since; null where none did. */
  get columns(): FileColumns | null {
    return this.#parts.columns;
  }

  /** The parts that the set is made of, for those who write it down. */
  layers(): FileLayers {
    const { columns, changes } = this.#settled();
    return { columns, hidden: hiddenBy(changes), others: besideColumns(changes, null) };
  }

  /** Collects changes to this set. */
  draft(): FileDraft {
    if (this.#pending !== null && this.#pending.size > COPIED_MAX) this.#settled();
    return new FileDraft(this.#parts, this.#pending);
  }

  /** The parts with all that is pending looked up: many at once cost hardly more than one. */
  #settled(): Parts {
    if (this.#pending !== null) {
      const draft = new FileDraft(this.#parts, this.#pending);
      draft.settle();
      this.#parts = draft.parts();
      this.#pending = null;
    }
    return this.#parts;
  }
}

/** Changes to a `FileSet` that are being collected. */
export class FileDraft {
  #columns: FileColumns | null;
  readonly #changes: LayeredDraft<Change>;
  readonly #pending: PendingFiles;
  /** Of a log that is read from its start or a checkpoint: files that are in no columns that came. */
  readonly #grown: GrownFiles | null;
  #sizeChange: number;
  #bytesChange: number;

  constructor(parts: Parts, pending: PendingFiles | null) {
    const { columns, changes, sizeChange, bytesChange } = parts;
    this.#columns = columns;
    this.#changes = new LayeredDraft(changes);
    this.#pending = new PendingFiles(pending);
    this.#grown = changes.size === 0 && pending === null ? new GrownFiles() : null;
    this.#sizeChange = sizeChange;
    this.#bytesChange = bytesChange;
  }

  /** Whether there are so many files of commits alone that `addLine` is to be called for those that it takes. */
  get isLong(): boolean {
    return this.#columns === null && this.#grown?.isLong === true;
  }

  /** Files that come in columns, all of them at once and none of them twice. */
  start(columns: FileColumns): void {
    assert(this.#columns === null, 'files came in columns twice');
    this.#columns = columns;
  }

  /** The file takes the place of the one that has its key. */
  add(key: string, file: AddFile): void {
    const change = this.#changes.get(key);
    if (change === null && this.#mayBeInColumns(key)) {
      this.#pending.add(key, file);
      if (this.#pending.size > PENDING_MAX) this.settle();
      return;
    }
    if (change === null) {
      this.#addFresh(key, file);
      return;
    }
    this.#count(liveOf(change), file);
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
    if (change === null && this.#mayBeInColumns(key)) {
      this.#pending.remove(key, deletionVector);
      return;
    }
    if (change === null) this.#grown?.remove(key, deletionVector);
    const live = change === null ? null : liveOf(change);
    if (live === null || vectorId(live.deletionVector) !== vectorId(deletionVector)) return;
    this.#count(live, null);
    this.#changes.set(key, change instanceof Touched ? new Touched(change.row, null) : null);
  }

  /** Looks up in the columns what is pending: many at once cost hardly more than one. */
  settle(): void {
    const found = this.#columns?.find(new Set(this.#pending.keys()));
    for (const [key, change] of this.#pending.entries()) {
      const { file } = change;
      const below = found?.get(key);
      if (below === undefined) {
        if (file !== null) this.#addFresh(key, file);
      } else if (isHidden(change, below.file.deletionVector)) {
        this.#count(below.file, file);
        this.#changes.set(key, new Touched(below.row, file));
      }
    }
    this.#pending.clear();
  }

  /** All but what is pending; nothing may be added or removed any more. */
  parts(): Parts {
    const { few, blocks } = this.#grown?.finish() ?? { few: [], blocks: null };
    for (const [key, file] of few) {
      this.#count(null, file);
      this.#changes.set(key, file);
    }
    return {
      columns: joined(this.#columns, blocks),
      changes: this.#changes.finish(),
      sizeChange: this.#sizeChange,
      bytesChange: this.#bytesChange,
    };
  }

  finish(): FileSet {
    return new FileSet(this.parts(), this.#pending.size === 0 ? null : this.#pending);
  }

  #mayBeInColumns(key: string): boolean {
    return this.#columns !== null && this.#grown?.has(key) !== true;
  }

  /** A file that is in no columns that came, and not among the changes. */
  #addFresh(key: string, file: AddFile): void {
    if (this.#grown !== null) {
      this.#grown.add(key, file);
      return;
    }
    this.#count(null, file);
    this.#changes.set(key, file);
  }

  #count(before: AddFile | null, after: AddFile | null): void {
    this.#sizeChange += Number(after !== null) - Number(before !== null);
    this.#bytesChange += (after?.size ?? 0) - (before?.size ?? 0);
  }
}

function joined(columns: FileColumns | null, blocks: FileBlocks | null): FileColumns | null {
  return blocks === null || columns === null
    ? (blocks ?? columns)
    : new JoinedColumns(columns, blocks);
}

/** Rows of the columns whose files were touched since. */
function hiddenBy(changes: Parts['changes']): ReadonlySet<number> {
  const hidden = new Set<number>();
  for (const change of changes.values()) {
    if (change instanceof Touched) hidden.add(change.row);
  }
  return hidden;
}

function* besideColumns(
  changes: Parts['changes'],
  pending: PendingFiles | null,
): Generator<AddFile> {
  for (const change of changes.values()) {
    const file = liveOf(change);
    if (file !== null) yield file;
  }
  for (const [, { file }] of pending?.entries() ?? []) if (file !== null) yield file;
}

function liveOf(change: Change): AddFile | null {
  return change instanceof Touched ? change.file : change;
}
