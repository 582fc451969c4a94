/**
 * Columns of a new file as another file lays them out, so that chunks of both may stand in one: decimals in numbers or bytes of
 * another width, and columns that say of themselves that no value is missing.
 */

import { type FileHandle, open } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';

import { assert } from '../base/index.ts';
import { ChunkEncoder } from './chunk-encoder.ts';
import { corruptData } from './errors.ts';
import { LeafGatherer, widthOf } from './gather.ts';
import { fetchChunk, openLeaf } from './leaf-chunk.ts';
import { LeafScratch } from './leaf-scratch.ts';
import type { LeafPiece } from './leaf-values.ts';
import { meaningOf } from './patch.ts';
import { type SpliceInput, writing } from './splice.ts';
import { writeAll } from './stage.ts';
import type { Codec, ColumnChunk, ParquetFooter, ParquetNode, RowGroup } from './types.ts';

/** Whether values of one column can be laid out as the other's; whether one is missing that may not be is seen when it is done. */
export function canRecast(from: ParquetNode, to: ParquetNode): boolean {
  const isSingle = (node: ParquetNode): boolean =>
    node.physicalType !== null && node.physicalType !== 'INT96' && node.repetition !== 'REPEATED';
  const isSame = from.physicalType === to.physicalType && from.typeLength === to.typeLength;
  return (
    isSingle(from) &&
    isSingle(to) &&
    from.name === to.name &&
    isDeepStrictEqual(meaningOf(from), meaningOf(to)) &&
    (isSame || (isNumeric(from) && isNumeric(to)))
  );
}

/**
 * Encodes columns of a local file, which is `input`, again as `columns` of the same names have them, behind its pages; returns its footer
 * with these in their place, for `patchFile`: the file's own does not know of them. Null where a value is missing that may not be.
 * Errors: those of the source, `PARQUET_TRUNCATED`, `PARQUET_CORRUPT_DATA` (data), `PARQUET_UNWRITABLE` (unavailable).
 */
export async function recastColumns(
  input: SpliceInput,
  columns: readonly ParquetNode[],
  { file, codec }: { readonly file: string; readonly codec: Codec },
): Promise<ParquetFooter | null> {
  const out = await writing(file, () => open(file, 'r+'));
  try {
    const caster = new Recaster(input, out, codec);
    const rowGroups: RowGroup[] = [];
    for (const rowGroup of input.footer.rowGroups) {
      const chunks: ColumnChunk[] = [];
      for (const chunk of rowGroup.columns) {
        const to = columns.find(({ name }) => name === chunk.path[0]);
        const own = to === undefined ? chunk : await caster.chunk(chunk, to);
        if (own === null) return null;
        chunks.push(own);
      }
      rowGroups.push({ ...rowGroup, columns: chunks });
    }
    const nodes = input.footer.columns.map(
      (node) => columns.find(({ name }) => name === node.name) ?? node,
    );
    return { ...input.footer, columns: nodes, rowGroups };
  } finally {
    await out.close();
  }
}

/** Encodes chunks of a file again, to the end of what is open. */
class Recaster {
  readonly #input: SpliceInput;
  readonly #out: FileHandle;
  readonly #encoder: ChunkEncoder;
  readonly #scratch: LeafScratch;
  #end: number;

  constructor(input: SpliceInput, out: FileHandle, codec: Codec) {
    this.#input = input;
    this.#out = out;
    this.#encoder = new ChunkEncoder(codec);
    this.#scratch = new LeafScratch((why) => corruptData(input.source.name, new Error(why)));
    this.#end = input.footer.fileSizeBytes;
  }

  async chunk(chunk: ColumnChunk, to: ParquetNode): Promise<ColumnChunk | null> {
    const { path } = chunk;
    const from = this.#input.footer.columns.find(({ name }) => name === path[0]);
    assert(from !== undefined && canRecast(from, to), 'a column cannot be laid out as another');
    const piece = await this.#gathered(chunk, from);
    const levels = piece?.definitions ?? null;
    const isMissing = levels !== null && levels.includes(0);
    if (piece === null || (isMissing && to.repetition === 'REQUIRED')) return null;
    const values = { ...piece.values, ...recast(piece.values, from, to) };
    const definitions = isMissing ? levels : null;
    const leaf = { path, node: to, definition: definitionOf(to), repetition: 0 };
    const encoded = this.#encoder.encode(leaf, [{ ...piece, values, definitions }]);
    const start = this.#end;
    for (const part of encoded.parts) {
      await writeAll(this.#out, part, this.#end);
      this.#end += part.length;
    }
    return { ...encoded.chunk, start, dataStart: start + encoded.chunk.dataStart };
  }

  async #gathered(chunk: ColumnChunk, node: ParquetNode): Promise<LeafPiece | null> {
    const { source } = this.#input;
    const definition = definitionOf(node);
    const { path } = chunk;
    const leaf = { path, node, definitionMax: definition, repetitionMax: 0, itemDefinition: 0 };
    const bytes = await fetchChunk(source, chunk);
    const opened = openLeaf({ leaf, chunk, bytes, file: source.name });
    if (opened === null) return null;
    const gatherer = new LeafGatherer({ node, definition, repetition: 0 });
    gatherer.add(opened, this.#scratch);
    return gatherer.piece();
  }
}

function definitionOf({ repetition }: ParquetNode): number {
  return repetition === 'REQUIRED' ? 0 : 1;
}

/** Decimals whose unscaled values are numbers, the lowest byte first, or bytes, the highest first. */
function isNumeric({ physicalType, logicalType }: ParquetNode): boolean {
  return logicalType?.kind === 'decimal' && physicalType !== 'BYTE_ARRAY';
}

function recast(
  { bytes, width, stride }: LeafPiece['values'],
  from: ParquetNode,
  to: ParquetNode,
): Pick<LeafPiece['values'], 'bytes' | 'width' | 'stride'> {
  const target = widthOf(to);
  if (!isNumeric(from) || (from.physicalType === to.physicalType && width === target)) {
    return { bytes, width, stride };
  }
  const count = bytes.length / width;
  const recasted = new Uint8Array(count * target);
  const [firstFrom, stepFrom] = lowestByte(from, width);
  const [firstTo, stepTo] = lowestByte(to, target);
  for (let value = 0; value < count; value += 1) {
    let at = value * width + firstFrom;
    let place = value * target + firstTo;
    let byte = 0;
    for (let step = 0; step < target; step += 1) {
      // Beyond the highest byte comes its sign.
      byte = step < width ? (bytes[at] ?? 0) : (byte & 0x80) === 0 ? 0 : 0xff;
      recasted[place] = byte;
      at += stepFrom;
      place += stepTo;
    }
  }
  return { bytes: recasted, width: target, stride: target };
}

/** Where the lowest byte of a value is, and in which direction the others follow. */
function lowestByte({ physicalType }: ParquetNode, width: number): readonly [number, 1 | -1] {
  return physicalType === 'FIXED_LEN_BYTE_ARRAY' ? [width - 1, -1] : [0, 1];
}
