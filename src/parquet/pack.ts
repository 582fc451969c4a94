/**
 * Many Parquet files made one: large row groups are copied byte for byte, the rows of small ones are gathered leaf by leaf and
 * encoded together. Nothing is made of the values, so that what it costs is reading and writing pages.
 */

import { type FileHandle, open } from 'node:fs/promises';

import { ChunkEncoder, type Leaf as EncodedLeaf } from './chunk-encoder.ts';
import { corruptData } from './errors.ts';
import { encodeTrailer, MAGIC } from './footer-writer.ts';
import { isFloat, LeafGatherer } from './gather.ts';
import { fetchChunk, openLeaf } from './leaf-chunk.ts';
import { LeafScratch } from './leaf-reader.ts';
import { PAGE_CODECS } from './page-codec.ts';
import { leavesBelow } from './row-group-encoder.ts';
import { copyRowGroup, needsNoCare, type SpliceInput, writing } from './splice.ts';
import { writeAll } from './stage.ts';
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
/** Gathered rows become a row group as soon as there are so many, or so many bytes of one column. */
const ROW_GROUP_ROWS_MIN = 110_000;
const LEAF_BYTES_MAX = 64 * 1024 * 1024;

/** A new file that takes in others, in order. */
export class FilePacker {
  readonly #file: string;
  readonly #out: FileHandle;
  readonly #columns: readonly ParquetNode[];
  readonly #leaves: readonly PackedLeaf[];
  readonly #layout: string;
  readonly #encoder: ChunkEncoder;
  readonly #scratch: LeafScratch;
  readonly #rowGroups: RowGroup[] = [];
  #end = MAGIC.length;
  #gatheredRows = 0;
  /** What is being read, for messages. */
  #source = '';
  /** Whether a copied chunk may have bounds that leave out a NaN. */
  #hidesNan = false;

  private constructor(file: string, out: FileHandle, { columns, codec }: PackOptions) {
    this.#file = file;
    this.#out = out;
    this.#columns = columns;
    this.#leaves = columns.flatMap((column) =>
      leavesBelow(column).map((leaf) => ({ leaf, column, gatherer: new LeafGatherer(leaf) })),
    );
    this.#layout = layoutOf(columns);
    this.#encoder = new ChunkEncoder(codec);
    this.#scratch = new LeafScratch((why) => corruptData(this.#source, new Error(why)));
  }

  /** Begins the local file, which is replaced. Errors: `PARQUET_UNWRITABLE` (unavailable). */
  static async open(file: string, options: PackOptions): Promise<FilePacker> {
    const out = await writing(file, () => open(file, 'w'));
    const packer = new FilePacker(file, out, options);
    try {
      await packer.#write(Buffer.from(MAGIC), 0);
      return packer;
    } catch (error) {
      await out.close();
      throw error;
    }
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
      } else if (!(await this.#gather({ source, footer }, rowGroup))) return false;
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
    await this.#write(trailer, this.#end);
    const unclear = this.#leaves.filter(
      ({ leaf, gatherer }) => isFloat(leaf.node) && (this.#hidesNan || gatherer.hasNan),
    );
    return { nanColumns: new Set(unclear.map(({ column }) => column.name)) };
  }

  async close(): Promise<void> {
    await this.#out.close();
  }

  async #gather({ source }: SpliceInput, rowGroup: RowGroup): Promise<boolean> {
    for (const [index, { leaf, gatherer }] of this.#leaves.entries()) {
      const chunk = rowGroup.columns[index];
      if (chunk === undefined || !isGathered(chunk)) return false;
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
      gatherer.add(opened, this.#scratch);
    }
    this.#gatheredRows += rowGroup.rowCount;
    const isFull =
      this.#gatheredRows >= ROW_GROUP_ROWS_MIN ||
      this.#leaves.some(({ gatherer }) => gatherer.sizeBytes >= LEAF_BYTES_MAX);
    if (isFull) await this.#flush();
    return true;
  }

  /** Makes a row group of what was gathered. */
  async #flush(): Promise<void> {
    if (this.#gatheredRows === 0) return;
    const columns: ColumnChunk[] = [];
    const parts: Uint8Array[] = [];
    let end = 0;
    for (const { leaf, gatherer } of this.#leaves) {
      const encoded = this.#encoder.encode(leaf, [gatherer.piece()]);
      const { chunk } = encoded;
      columns.push({ ...chunk, start: end, dataStart: end + chunk.dataStart });
      parts.push(...encoded.parts);
      end += chunk.sizeBytes;
      gatherer.clear();
    }
    await this.#write(Buffer.concat(parts), this.#end);
    this.#rowGroups.push(shifted({ rowCount: this.#gatheredRows, columns }, this.#end));
    this.#end += end;
    this.#gatheredRows = 0;
  }

  #write(bytes: Uint8Array, start: number): Promise<void> {
    return writing(this.#file, () => writeAll(this.#out, bytes, start));
  }
}

interface PackedLeaf {
  readonly leaf: EncodedLeaf;
  /** The top-level column that it is of. */
  readonly column: ParquetNode;
  readonly gatherer: LeafGatherer;
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

function isGathered(chunk: ColumnChunk): boolean {
  return (
    !chunk.encrypted &&
    chunk.physicalType !== 'INT96' &&
    PAGE_CODECS.has(chunk.codec) &&
    chunk.encodings.every((encoding) => ENCODINGS.has(encoding))
  );
}

function layoutOf(columns: readonly ParquetNode[]): string {
  return JSON.stringify(columns);
}
