/**
 * Many Parquet files made one: large row groups are copied byte for byte, the rows of small ones are put together leaf by leaf:
 * as they are compressed, where that can be, or else gathered and encoded again. Nothing is made of the values.
 */

import { type FileHandle, open } from 'node:fs/promises';

import { ChunkEncoder, type Leaf as EncodedLeaf } from './chunk-encoder.ts';
import { corruptData } from './errors.ts';
import { encodeTrailer, MAGIC } from './footer-writer.ts';
import { isFloat, LeafGatherer } from './gather.ts';
import { fetchChunk, openLeaf } from './leaf-chunk.ts';
import { LeafScratch } from './leaf-scratch.ts';
import { PAGE_CODECS } from './page-codec.ts';
import { PageEncoder } from './page-encoder.ts';
import { isBounded, LEAF_BYTES_MAX, PageJoiner } from './page-joiner.ts';
import { leavesBelow } from './row-group-encoder.ts';
import { copyRowGroup, needsNoCare, type SpliceInput, writing } from './splice.ts';
import { writeParts } from './stage.ts';
import type { Codec, ColumnChunk, ParquetFooter, ParquetNode, RowGroup } from './types.ts';
import { CREATED_BY, shifted } from './write.ts';

export interface PackOptions {
  /** The columns of the new file: those of one of the files. */
  readonly columns: readonly ParquetNode[];
  /** Of what is encoded again. */
  readonly codec: Codec;
}

/** Row groups with as many rows or more are copied, where they can be. */
const COPY_ROWS_MIN = 100_000;
/** Rows become a row group as soon as there are so many, or so many bytes of one column. */
const ROW_GROUP_ROWS_MIN = 110_000;

/** A new file that takes in others, in order. */
export class FilePacker {
  readonly #file: string;
  readonly #out: FileHandle;
  readonly #columns: readonly ParquetNode[];
  readonly #leaves: readonly PackedLeaf[];
  readonly #layout: string;
  readonly #codec: Codec;
  readonly #encoder: ChunkEncoder;
  readonly #scratch: LeafScratch;
  readonly #rowGroups: RowGroup[] = [];
  #end = MAGIC.length;
  /** Rows that are in no row group yet. */
  #waitingRows = 0;
  #joinedBytes = 0;
  #gatheredBytes = 0;
  /** What is being read, for messages. */
  #source = '';
  /** Whether a copied chunk may have bounds that leave out a NaN. */
  #hidesNan = false;

  private constructor(file: string, out: FileHandle, { columns, codec }: PackOptions) {
    this.#file = file;
    this.#out = out;
    this.#columns = columns;
    const pages = new PageEncoder();
    this.#leaves = columns.flatMap((column) =>
      leavesBelow(column).map((leaf) => ({
        leaf,
        column,
        gatherer: new LeafGatherer(leaf),
        joiner: new PageJoiner(leaf, pages),
        way: null,
        hidesNan: false,
      })),
    );
    this.#codec = codec;
    this.#layout = layoutOf(columns);
    this.#encoder = new ChunkEncoder(codec);
    this.#scratch = new LeafScratch((why) => corruptData(this.#source, new Error(why)));
  }

  /** Begins the local file, which is replaced. Errors: `PARQUET_UNWRITABLE` (unavailable). */
  static async open(file: string, options: PackOptions): Promise<FilePacker> {
    const out = await writing(file, () => open(file, 'w'));
    const packer = new FilePacker(file, out, options);
    try {
      await packer.#write([Buffer.from(MAGIC)], 0);
      return packer;
    } catch (error) {
      await out.close();
      throw error;
    }
  }

  /** Of what was taken in and not copied, the share that had to be decoded and encoded again. */
  get gatheredShare(): number {
    return this.#gatheredBytes / Math.max(1, this.#gatheredBytes + this.#joinedBytes);
  }

  /**
   * Takes in the rows of a file; false, and an end to it, where its columns are others, or its pages are of a kind that is
   * not read here. Errors: those of the source, `PARQUET_TRUNCATED`, `PARQUET_CORRUPT_DATA` (data), `PARQUET_UNWRITABLE`.
   */
  async add({ source, footer }: SpliceInput): Promise<boolean> {
    if (layoutOf(footer.columns) !== this.#layout) return false;
    this.#source = source.name;
    for (const rowGroup of footer.rowGroups) {
      if (rowGroup.rowCount === 0) continue;
      if (rowGroup.rowCount >= COPY_ROWS_MIN && isCopied(footer)) {
        await this.#flush();
        const to = { out: this.#out, end: this.#end };
        this.#rowGroups.push(await writing(this.#file, () => copyRowGroup(source, rowGroup, to)));
        this.#end += rowGroup.columns.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        this.#hidesNan ||= footer.createdBy?.startsWith('DuckDB version ') !== true;
      } else if (!(await this.#takeIn({ source, footer }, rowGroup))) return false;
    }
    return true;
  }

  /** Ends the file; the columns in which a value is NaN, or may be. Errors: `PARQUET_UNWRITABLE` (unavailable). */
  async finish(): Promise<{ readonly nanColumns: ReadonlySet<string> }> {
    await this.#flush();
    const trailer = encodeTrailer({
      columns: this.#columns,
      rowGroups: this.#rowGroups,
      createdBy: CREATED_BY,
      keyValues: new Map(),
      typeDefinedOrder: true,
    });
    await this.#write([trailer], this.#end);
    const unclear = this.#leaves.filter(
      ({ leaf, gatherer, hidesNan }) =>
        isFloat(leaf.node) && (this.#hidesNan || hidesNan || gatherer.hasNan),
    );
    return { nanColumns: new Set(unclear.map(({ column }) => column.name)) };
  }

  async close(): Promise<void> {
    await this.#out.close();
  }

  async #takeIn({ source, footer }: SpliceInput, rowGroup: RowGroup): Promise<boolean> {
    const trust = trustOf(footer);
    for (const [index, packed] of this.#leaves.entries()) {
      const { leaf } = packed;
      const chunk = rowGroup.columns[index];
      if (chunk === undefined || !isGathered(leaf, chunk)) return false;
      const opened = openLeaf({
        leaf: {
          path: leaf.path,
          node: leaf.node,
          definitionMax: leaf.definition,
          repetitionMax: leaf.repetition,
          itemDefinition: 0,
        },
        chunk,
        bytes: await fetchChunk(source, chunk),
        file: source.name,
      });
      if (opened === null) return false;
      const isTrusted = isTrustedChunk(leaf, chunk, trust);
      packed.way ??=
        isTrusted && this.#codec === 'snappy' && isJoined(leaf, chunk) ? 'join' : 'gather';
      if (packed.way === 'join') {
        packed.joiner.add(
          { pages: opened, statistics: chunk.statistics, isTrusted },
          this.#scratch,
        );
        packed.hidesNan ||= !isTrusted;
        this.#joinedBytes += chunk.uncompressedBytes;
      } else {
        packed.gatherer.add(opened, this.#scratch);
        this.#gatheredBytes += chunk.uncompressedBytes;
      }
    }
    this.#waitingRows += rowGroup.rowCount;
    const isFull =
      this.#waitingRows >= ROW_GROUP_ROWS_MIN ||
      this.#leaves.some(
        ({ gatherer, joiner }) => gatherer.sizeBytes >= LEAF_BYTES_MAX || joiner.isFull,
      );
    if (isFull) await this.#flush();
    return true;
  }

  /** Makes a row group of the rows that wait. */
  async #flush(): Promise<void> {
    if (this.#waitingRows === 0) return;
    const columns: ColumnChunk[] = [];
    const parts: Uint8Array[] = [];
    let end = 0;
    for (const packed of this.#leaves) {
      const { leaf, gatherer, joiner, way } = packed;
      const encoded =
        way === 'join' ? joiner.encode() : this.#encoder.encode(leaf, [gatherer.piece()]);
      const { chunk } = encoded;
      columns.push({ ...chunk, start: end, dataStart: end + chunk.dataStart });
      parts.push(...encoded.parts);
      end += chunk.sizeBytes;
      gatherer.clear();
      joiner.clear();
      packed.way = null;
    }
    await this.#write(parts, this.#end);
    this.#rowGroups.push(shifted({ rowCount: this.#waitingRows, columns }, this.#end));
    this.#end += end;
    this.#waitingRows = 0;
  }

  #write(parts: readonly Uint8Array[], start: number): Promise<void> {
    return writing(this.#file, () => writeParts(this.#out, parts, start));
  }
}

interface PackedLeaf {
  readonly leaf: EncodedLeaf;
  /** The top-level column that it is of. */
  readonly column: ParquetNode;
  readonly gatherer: LeafGatherer;
  readonly joiner: PageJoiner;
  /** Which of them has the rows that wait; null where none do. */
  way: 'join' | 'gather' | null;
  /** Whether a joined chunk may have had a NaN that nobody looked for. */
  hidesNan: boolean;
}

/** Whether the row groups of a file may stand in one that is said to be ours. */
function isCopied({ createdBy, typeDefinedOrder }: ParquetFooter): boolean {
  return typeDefinedOrder && needsNoCare(createdBy);
}

const ENCODINGS: ReadonlySet<string> = new Set([
  'PLAIN',
  'PLAIN_DICTIONARY',
  'RLE_DICTIONARY',
  'RLE',
  'BIT_PACKED',
]);

function isGathered({ node }: EncodedLeaf, chunk: ColumnChunk): boolean {
  // Numbers without a sign have an order of their own.
  const isUnsigned = node.logicalType?.kind === 'integer' && !node.logicalType.signed;
  return (
    !chunk.encrypted &&
    !isUnsigned &&
    chunk.physicalType !== 'INT96' &&
    PAGE_CODECS.has(chunk.codec) &&
    chunk.encodings.every((encoding) => ENCODINGS.has(encoding))
  );
}

/** Whether the pages of a chunk may be handed on by what its footer says of them. */
function isTrustedChunk(
  leaf: EncodedLeaf,
  chunk: ColumnChunk,
  { isTrusted, tellsNan }: Trust,
): boolean {
  return isTrusted && isBounded(leaf, chunk, chunk.statistics) && (tellsNan || !isFloat(leaf.node));
}

interface Trust {
  readonly isTrusted: boolean;
  readonly tellsNan: boolean;
}

/** How far what a file says of its chunks holds. */
function trustOf({ createdBy, typeDefinedOrder }: ParquetFooter): Trust {
  return {
    isTrusted: typeDefinedOrder && needsNoCare(createdBy),
    tellsNan: /^(?:deltawright|DuckDB) version /.test(createdBy ?? ''),
  };
}

function isJoined({ repetition, node }: EncodedLeaf, { codec }: ColumnChunk): boolean {
  const isSingle = repetition === 0 && node.physicalType !== 'BOOLEAN';
  return isSingle && (codec === 'snappy' || codec === 'uncompressed');
}

function layoutOf(columns: readonly ParquetNode[]): string {
  return JSON.stringify(columns);
}
