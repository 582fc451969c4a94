/**
 * The statistics of many files, compressed: in memory they would be most of what a table is, and most of them are never
 * looked at. Read in the order in which they were packed, each block is decompressed once.
 */

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

import type { AddFile, PartitionValues } from './actions.ts';

/** A file whose statistics are in a pack. */
export class PackedFile {
  /** Without `stats`. */
  readonly file: AddFile;
  readonly #pack: StatsPack;
  readonly #number: number;

  constructor(file: AddFile, pack: StatsPack, number: number) {
    this.file = file;
    this.#pack = pack;
    this.#number = number;
  }

  whole(): AddFile {
    return { ...this.file, stats: this.#pack.text(this.#number) };
  }
}

export class StatsPack {
  readonly #blocks: Block[] = [];
  readonly #partitions = new Map<string, PartitionValues>();
  /** The block that was read last, and its number. */
  #held = Buffer.alloc(0);
  #heldNumber = -1;

  /** Files with statistics, at most `BLOCK_FILES`, packed as one block. */
  pack(files: readonly AddFile[]): readonly PackedFile[] {
    const first = this.#blocks.length * BLOCK_FILES;
    const texts = files.map(({ stats }) => stats ?? '');
    const ends = new Int32Array(texts.length);
    let end = 0;
    for (const [index, text] of texts.entries()) {
      end += Buffer.byteLength(text);
      ends[index] = end;
    }
    const params = { [constants.ZSTD_c_compressionLevel]: LEVEL };
    this.#blocks.push({ ends, bytes: zstdCompressSync(Buffer.from(texts.join('')), { params }) });
    return files.map((file, index) => new PackedFile(this.#bare(file), this, first + index));
  }

  text(number: number): string {
    const blockNumber = Math.floor(number / BLOCK_FILES);
    const block = this.#blocks[blockNumber];
    if (block === undefined) return '';
    if (this.#heldNumber !== blockNumber) {
      this.#held = zstdDecompressSync(block.bytes);
      this.#heldNumber = blockNumber;
    }
    const index = number % BLOCK_FILES;
    const start = index === 0 ? 0 : block.ends[index - 1];
    return this.#held.toString('utf8', start, block.ends[index]);
  }

  #bare({ stats: _stats, ...file }: AddFile): AddFile {
    const text = JSON.stringify(file.partitionValues);
    const known = this.#partitions.get(text);
    if (known === undefined) this.#partitions.set(text, file.partitionValues);
    return { ...file, partitionValues: known ?? file.partitionValues };
  }
}

interface Block {
  readonly bytes: Uint8Array;
  /** Where each text ends. */
  readonly ends: Int32Array;
}

/** Files whose statistics are packed together. */
export const BLOCK_FILES = 4_096;
/** Statistics of one table are much alike: more effort saves little. */
const LEVEL = 1;
