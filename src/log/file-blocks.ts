/**
 * The files of a long log in columns, by blocks: while the log is read from its start, and then as what a state has. A file that
 * is not live any more stays where it is until all of its block are gone.
 */

import { assert, parseJson, printJson, isJsonObject } from '../base/index.ts';
import type { AddFile, DeletionVectorDescriptor } from './actions.ts';
import type { AddLine } from './add-line.ts';
import { decodeAction } from './decode.ts';
import {
  Arena,
  BLOCK_FILES,
  DATA_CHANGE,
  FileBlock,
  HAS_STATS,
  IS_KEY,
  IS_LIVE,
  IS_WHOLE,
  IS_WIDE,
} from './file-block.ts';
import type { ColumnFile, FileColumns, FileSelection, MeasureVisitor } from './file-columns.ts';
import { pathKey, vectorId } from './file-key.ts';
import { HashIndex, hashOf, viewOf } from './hash-index.ts';
import { PartitionTexts } from './partition-texts.ts';

export class FileBlocks implements FileColumns {
  readonly #blocks: FileBlock[] = [];
  readonly #paths = new Arena();
  readonly #rests = new Arena();
  readonly #partitions = new PartitionTexts();
  /** By the bytes of `pathKey`. */
  readonly #index = new HashIndex();
  /** The ids of deletion vectors, by row. */
  readonly #vectors = new Map<number, string>();
  #size = 0;
  #sizeBytes = 0;

  get size(): number {
    return this.#size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** All rows, those of files that are gone too. */
  get rowCount(): number {
    const last = this.#blocks.at(-1);
    return last === undefined ? 0 : (this.#blocks.length - 1) * BLOCK_FILES + last.rowCount;
  }

  /** The file of a line takes the place of the one with its key; false where its partition values are no JSON of texts. */
  addLine(line: AddLine, bytes: Buffer, view: DataView): boolean {
    const { partitionsStart, partitionsEnd, pathStart, pathEnd, statsStart, statsEnd } = line;
    const partition = this.#partitions.numberOf(bytes, view, partitionsStart, partitionsEnd);
    if (partition < 0) return false;
    const hash = line.isPathKey
      ? this.#replaceBytes(bytes, view, pathStart, pathEnd)
      : this.#replaceKey(pathKey(bytes.toString('utf8', pathStart, pathEnd)));
    const block = this.#openBlock();
    this.#paths.push(bytes, pathStart, pathEnd);
    if (statsStart >= 0) this.#rests.push(bytes, statsStart, statsEnd);
    const { size, modificationTime } = line;
    const flags =
      (line.dataChange ? DATA_CHANGE : 0) |
      (statsStart >= 0 ? HAS_STATS : 0) |
      (line.isPathKey ? IS_KEY : 0);
    this.#push(block, hash, { size, modificationTime, partition }, flags);
    return true;
  }

  /** The file takes the place of the one with its key, which is given. */
  add(key: string, file: AddFile): void {
    const { path, partitionValues, size, modificationTime, dataChange, stats, ...others } = file;
    const hash = this.#replaceKey(key);
    const block = this.#openBlock();
    const isWide = !path.isWellFormed();
    const pathBytes = Buffer.from(path, isWide ? 'utf16le' : 'utf8');
    this.#paths.push(pathBytes, 0, pathBytes.length);
    const isWhole = Object.keys(others).length > 0;
    const rest = isWhole ? printJson({ ...file }) : JSON.stringify(stats ?? '').slice(1, -1);
    const restBytes = Buffer.from(rest);
    this.#rests.push(restBytes, 0, restBytes.length);
    if (file.deletionVector !== undefined) {
      this.#vectors.set(this.rowCount, vectorId(file.deletionVector));
    }
    const partition = this.#partitions.numberOfValues(partitionValues);
    const flags =
      (dataChange ? DATA_CHANGE : 0) |
      (stats === undefined ? 0 : HAS_STATS) |
      (isWhole ? IS_WHOLE : 0) |
      (path === key && !isWide ? IS_KEY : 0) |
      (isWide ? IS_WIDE : 0);
    this.#push(block, hash, { size, modificationTime, partition }, flags);
  }

  /** Removes the file of a key, where it has this deletion vector, or none as the other. */
  remove(key: string, vector: DeletionVectorDescriptor | undefined): void {
    const bytes = Buffer.from(key);
    const row = this.#rowOfKey(key, hashOf(viewOf(bytes), 0, bytes.length));
    if (row >= 0 && (this.#vectors.get(row) ?? '') === vectorId(vector)) this.#bury(row);
  }

  /** Whether a file has this key. */
  has(key: string): boolean {
    const bytes = Buffer.from(key);
    return this.#rowOfKey(key, hashOf(viewOf(bytes), 0, bytes.length)) >= 0;
  }

  find(keys: ReadonlySet<string>): ReadonlyMap<string, ColumnFile> {
    const places: (readonly [number, string])[] = [];
    for (const key of keys) {
      const bytes = Buffer.from(key);
      const row = this.#rowOfKey(key, hashOf(viewOf(bytes), 0, bytes.length));
      if (row >= 0) places.push([row, key]);
    }
    places.sort(([a], [b]) => a - b);
    const found = new Map<string, ColumnFile>();
    let [rests, restsOf]: [Buffer | null, FileBlock | null] = [null, null];
    for (const [row, key] of places) {
      const block = this.#blockOf(row);
      if (rests === null || restsOf !== block) [rests, restsOf] = [block.rests(), block];
      found.set(key, { row, file: this.#file(block, row % BLOCK_FILES, rests) });
    }
    return found;
  }

  *select(selection: FileSelection, hidden: ReadonlySet<number>): Generator<AddFile> {
    const { partition, statistics = true } = selection;
    const verdicts = new Int8Array(this.#partitions.size);
    const isWanted = (number: number): boolean => {
      if (partition === undefined) return true;
      verdicts[number] ||= partition(this.#partitions.values(number)) ? 1 : -1;
      return verdicts[number] === 1;
    };
    for (const [number, block] of this.#blocks.entries()) {
      let rests: Buffer | null = null;
      for (let row = 0; row < block.rowCount; row += 1) {
        if (!block.has(row, IS_LIVE) || !isWanted(block.partitions[row] ?? 0)) continue;
        if (hidden.size > 0 && hidden.has(number * BLOCK_FILES + row)) continue;
        if (statistics || block.has(row, IS_WHOLE)) rests ??= block.rests();
        yield this.#file(block, row, rests);
      }
    }
  }

  measure(visit: MeasureVisitor, hidden: ReadonlySet<number>): void {
    for (const [number, block] of this.#blocks.entries()) {
      for (let at = 0; at < block.rowCount; at += 1) {
        const row = number * BLOCK_FILES + at;
        if (!block.has(at, IS_LIVE) || hidden.has(row)) continue;
        const hasVector = this.#vectors.has(row);
        const file = hasVector ? this.#file(block, at, block.rests()) : null;
        visit(block.sizes[at] ?? 0, file?.deletionVector);
      }
    }
  }

  /** Makes room for a key, and gives the hash that it has. */
  #replaceKey(key: string): number {
    const bytes = Buffer.from(key);
    const hash = hashOf(viewOf(bytes), 0, bytes.length);
    const before = this.#rowOfKey(key, hash);
    if (before >= 0) this.#bury(before);
    return hash;
  }

  /** As `replaceKey`, for one that stands from `start` to `end`. */
  #replaceBytes(bytes: Buffer, view: DataView, start: number, end: number): number {
    const hash = hashOf(view, start, end);
    const before = this.#index.find(hash, (row) => {
      const [block, at] = [this.#blockOf(row), row % BLOCK_FILES];
      if (!block.has(at, IS_LIVE)) return false;
      if (block.has(at, IS_KEY)) return block.isPath(at, bytes, start, end);
      return pathKey(block.path(at)) === bytes.toString('utf8', start, end);
    });
    if (before >= 0) this.#bury(before);
    return hash;
  }

  /** The live row of a key with this hash, or −1. */
  #rowOfKey(key: string, hash: number): number {
    return this.#index.find(hash, (row) => {
      const [block, at] = [this.#blockOf(row), row % BLOCK_FILES];
      return block.has(at, IS_LIVE) && pathKey(block.path(at)) === key;
    });
  }

  #push(
    block: FileBlock,
    hash: number,
    numbers: {
      readonly size: number;
      readonly modificationTime: number;
      readonly partition: number;
    },
    flags: number,
  ): void {
    this.#index.add(hash, this.rowCount);
    block.push(numbers, flags);
    this.#size += 1;
    this.#sizeBytes += numbers.size;
    if (block.isFull) block.seal();
  }

  #bury(row: number): void {
    const [block, at] = [this.#blockOf(row), row % BLOCK_FILES];
    block.bury(at);
    this.#vectors.delete(row);
    this.#size -= 1;
    this.#sizeBytes -= block.sizes[at] ?? 0;
  }

  #openBlock(): FileBlock {
    const last = this.#blocks.at(-1);
    if (last !== undefined && !last.isFull) return last;
    const block = new FileBlock(this.#paths, this.#rests);
    this.#blocks.push(block);
    return block;
  }

  #blockOf(row: number): FileBlock {
    const block = this.#blocks[Math.floor(row / BLOCK_FILES)];
    assert(block !== undefined, 'a file was asked for that is in no block');
    return block;
  }

  /** A file of a block; without its statistics where there are no rests. */
  #file(block: FileBlock, row: number, rests: Buffer | null): AddFile {
    if (rests !== null && block.has(row, IS_WHOLE)) return wholeFile(block.rest(row, rests));
    const file = {
      path: block.path(row),
      partitionValues: this.#partitions.values(block.partitions[row] ?? 0),
      size: block.sizes[row] ?? 0,
      modificationTime: block.modificationTimes[row] ?? 0,
      dataChange: block.has(row, DATA_CHANGE),
    };
    if (rests === null || !block.has(row, HAS_STATS)) return file;
    return { ...file, stats: JSON.parse(`"${block.rest(row, rests)}"`) as string };
  }
}

/** What `add` printed. */
function wholeFile(text: string): AddFile {
  const add = parseJson(text);
  assert(isJsonObject(add), 'a file was kept as something else');
  const [action] = decodeAction({ add }, '', 0);
  assert(action?.kind === 'add', 'a file was kept as something else');
  return action.add;
}
