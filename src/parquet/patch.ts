/**
 * A Parquet file made of another one: chunks that stay as they are are copied byte for byte, statistics included, beside
 * chunks that were encoded anew for some columns of a row group, or row groups that take the place of one.
 */

import { isDeepStrictEqual } from 'node:util';

import { assert } from '../base/index.ts';
import { isFloat } from './gather.ts';
import { isOfOldSpark } from './old-calendar.ts';
import { leavesOf } from './schema-tree.ts';
import {
  assembleFile,
  needsNoCare,
  lastingKeys,
  sharedWriter,
  type SpliceInput,
  type SourceChunk,
  type SourceRowGroup,
} from './splice.ts';
import { omitsBoundsOnNan } from './statistics.ts';
import type {
  ByteSource,
  ColumnChunk,
  LogicalType,
  ParquetFooter,
  ParquetNode,
  RowGroup,
} from './types.ts';

export interface PatchSpec {
  /** A file for which `canPatch` holds. */
  readonly base: SpliceInput;
  /** Top-level columns of the new file by name, in order; those that no file has are left out. */
  readonly columns: readonly string[];
  /**
   * By the number of a row group of the base, a file that `writeParquet` or the engine made. One with all columns takes its
   * place; one with some has their chunks for it, in one row group of as many rows in the same order.
   */
  readonly patches: ReadonlyMap<number, SpliceInput>;
}

/**
 * Whether chunks of a file may stand beside new ones: one footer has to say what holds for both. Whether readers know their
 * encodings is `judgeVerbatim`'s.
 */
export function canPatch({ typeDefinedOrder, createdBy, keyValues }: ParquetFooter): boolean {
  return typeDefinedOrder && needsNoCare(createdBy) && !isOfOldSpark(keyValues);
}

/** Whether chunks of one column may stand under the other's node: the same levels, the same bytes, the same meaning. */
export function isAlike(left: ParquetNode, right: ParquetNode): boolean {
  return (
    left.name === right.name &&
    left.repetition === right.repetition &&
    left.physicalType === right.physicalType &&
    (left.physicalType !== 'FIXED_LEN_BYTE_ARRAY' || left.typeLength === right.typeLength) &&
    isDeepStrictEqual(meaningOf(left), meaningOf(right)) &&
    left.children.length === right.children.length &&
    left.children.every((child, index) => {
      const other = right.children[index];
      return other !== undefined && isAlike(child, other);
    })
  );
}

/**
 * Writes the new file to the local file `file`, which is replaced. Returns the columns with floats whose bounds may leave out
 * a NaN. When this fails, what was written stays: the caller removes it.
 * Errors: those of the sources, `PARQUET_TRUNCATED` (data), `PARQUET_UNWRITABLE` (unavailable).
 */
export async function patchFile(
  spec: PatchSpec,
  file: string,
): Promise<{ readonly nanColumns: ReadonlySet<string> }> {
  const { footer } = spec.base;
  assert(canPatch(footer), 'a file whose chunks cannot be copied was to be patched');
  const patched = spec.columns.flatMap((name) => patchedColumn(spec, name) ?? []);
  const columns = patched.map(({ node }) => node);
  const footers = [footer, ...Array.from(spec.patches.values(), (patch) => patch.footer)];
  await assembleFile(file, rowGroupsOf(spec, columns), {
    columns,
    createdBy: sharedWriter(footers),
    keyValues: lastingKeys(footer),
  });
  const isClear = omitsBoundsOnNan(footer.createdBy);
  const unclear = patched.filter(
    ({ node, isCopied }) => isCopied && leavesOf([node]).some((leaf) => isFloat(leaf.node)),
  );
  return { nanColumns: new Set(isClear ? [] : unclear.map(({ node }) => node.name)) };
}

interface PatchedColumn {
  readonly node: ParquetNode;
  /** Whether any chunk of it is the base's. */
  readonly isCopied: boolean;
}

/** A column of the new file: the base's, unless it has no chunk left. */
function patchedColumn({ base, patches }: PatchSpec, name: string): PatchedColumn | null {
  const { rowGroups } = base.footer;
  const own = columnOf(base.footer, name);
  const others = Array.from(patches.values()).flatMap(({ footer }) => columnOf(footer, name) ?? []);
  const isCopied =
    own !== null &&
    rowGroups.some(({ rowCount }, number) => rowCount > 0 && !holds(patches.get(number), name));
  const node = isCopied ? own : (others[0] ?? own);
  if (node === null) return null;
  assert(
    others.every((other) => isAlike(node, other)),
    `the chunks of ${name} are not alike`,
  );
  return { node, isCopied };
}

function rowGroupsOf(
  { base, patches }: PatchSpec,
  columns: readonly ParquetNode[],
): readonly SourceRowGroup[] {
  const leafCount = leavesOf(columns).length;
  const rowGroupOf = (rowCount: number, partOf: (name: string) => Part): SourceRowGroup => {
    const chunks = columns.flatMap(({ name }) => chunksOf(partOf(name), name));
    assert(chunks.length === leafCount, 'a row group lacks a column of its file');
    return { rowCount, chunks };
  };
  return base.footer.rowGroups.flatMap((rowGroup, number) => {
    if (rowGroup.rowCount === 0) return [];
    const own = { source: base.source, rowGroup };
    const patch = patches.get(number);
    if (patch === undefined) return [rowGroupOf(rowGroup.rowCount, () => own)];
    const { source, footer } = patch;
    const news = footer.rowGroups.map((it) => ({ source, rowGroup: it }));
    if (columns.every(({ name }) => holds(patch, name))) {
      return news.map((part) => rowGroupOf(part.rowGroup.rowCount, () => part));
    }
    const [only, ...more] = news;
    const isWhole = more.length === 0 && only?.rowGroup.rowCount === rowGroup.rowCount;
    assert(only !== undefined && isWhole, 'new chunks have not the rows of their row group');
    return [rowGroupOf(rowGroup.rowCount, (name) => (holds(patch, name) ? only : own))];
  });
}

/** A row group of one of the files. */
interface Part {
  readonly source: ByteSource;
  readonly rowGroup: RowGroup;
}

function chunksOf({ source, rowGroup }: Part, name: string): readonly SourceChunk[] {
  return rowGroup.columns.flatMap((chunk) =>
    chunk.path[0] === name ? [{ source, chunk: withoutLevelEncoding(chunk) }] : [],
  );
}

/** Java's writer names it for levels of which there are none; under another writer's name, readers would have to believe it. */
function withoutLevelEncoding(chunk: ColumnChunk): ColumnChunk {
  return { ...chunk, encodings: chunk.encodings.filter((encoding) => encoding !== 'BIT_PACKED') };
}

function holds(file: SpliceInput | undefined, name: string): boolean {
  return file !== undefined && columnOf(file.footer, name) !== null;
}

function columnOf({ columns }: ParquetFooter, name: string): ParquetNode | null {
  return columns.find((column) => column.name === name) ?? null;
}

/** What values mean: numbers of the full width of their bytes are the same with a logical type and without one. */
export function meaningOf({ physicalType, logicalType }: ParquetNode): LogicalType | null {
  if (logicalType?.kind !== 'integer' || !logicalType.signed) return logicalType;
  const bitWidth = physicalType === 'INT64' ? 64 : 32;
  return logicalType.bitWidth === bitWidth ? null : logicalType;
}
