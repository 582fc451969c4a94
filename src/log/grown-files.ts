/** Files that came one by one: objects as long as they are few, and columns as soon as they are many. */

import type { AddFile, DeletionVectorDescriptor } from './actions.ts';
import type { AddLine } from './add-line.ts';
import { FileBlocks } from './file-blocks.ts';
import { vectorId } from './file-key.ts';

/** Of so many files objects are quicker to ask. */
const OBJECTS_MAX = 4_096;

export class GrownFiles {
  /** By key; empty as soon as there are blocks. */
  readonly #few = new Map<string, AddFile>();
  #blocks: FileBlocks | null = null;

  /** Whether they are in columns. */
  get isLong(): boolean {
    return this.#blocks !== null;
  }

  has(key: string): boolean {
    return this.#few.has(key) || this.#blocks?.has(key) === true;
  }

  /** The file takes the place of the one that has its key. */
  add(key: string, file: AddFile): void {
    if (this.#blocks !== null) {
      this.#blocks.add(key, file);
      return;
    }
    this.#few.set(key, file);
    if (this.#few.size <= OBJECTS_MAX) return;
    const blocks = new FileBlocks();
    for (const [each, one] of this.#few) blocks.add(each, one);
    this.#blocks = blocks;
    this.#few.clear();
  }

  /** As `add`, where they are long; false where the line is no action after all. */
  addLine(line: AddLine, bytes: Buffer, view: DataView): boolean {
    return this.#blocks?.addLine(line, bytes, view) ?? false;
  }

  /** Only where the file has this deletion vector, or none as the other. */
  remove(key: string, vector: DeletionVectorDescriptor | undefined): void {
    this.#blocks?.remove(key, vector);
    const live = this.#few.get(key);
    if (live === undefined || vectorId(live.deletionVector) !== vectorId(vector)) return;
    this.#few.delete(key);
  }

  /** What they are now; nothing may be added or removed any more. */
  finish(): {
    readonly few: ReadonlyMap<string, AddFile>;
    readonly blocks: FileBlocks | null;
  } {
    return { few: this.#few, blocks: this.#blocks };
  }
}
