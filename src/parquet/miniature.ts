/**
 * A Parquet file in memory that holds some columns of one row group of another: same pages, a footer of its own. The
 * decoder then needs no projection, and cannot touch bytes that were not fetched.
 */

import { chunkRanges, fetchRanges, type Projection, wantedChunks } from './byte-range.ts';
import { encrypted } from './errors.ts';
import { encodeTrailer, MAGIC } from './footer-writer.ts';
import type { ByteSource, ColumnChunk, ParquetFooter, ParquetNode, RowGroup } from './types.ts';

/**
 * Fetches the chunks of a row group and puts them into a file of their own; null where the file has none of the columns.
 *
 * Errors: those of the source, `PARQUET_TRUNCATED`, `PARQUET_ENCRYPTED`.
 */
export async function fetchMiniature(
  source: ByteSource,
  footer: ParquetFooter,
  rowGroup: RowGroup,
  columns: Projection['columns'],
): Promise<Uint8Array | null> {
  const chunks = wantedChunks(rowGroup, columns);
  if (chunks.length === 0) return null;
  if (chunks.some((chunk) => chunk.encrypted)) throw encrypted(source.name);
  const moves: Move[] = [];
  let end = MAGIC.length;
  for (const chunk of chunks) {
    moves.push({ from: chunk, to: end });
    end += chunk.sizeBytes;
  }
  const trailer = trailerOf(footer, rowGroup.rowCount, moves);
  const file = Buffer.alloc(end + trailer.length);
  file.write(MAGIC, 'latin1');
  file.set(trailer, end);
  await fetchRanges(source, chunkRanges(rowGroup, columns), (start, bytes) => {
    for (const move of moves) copyOverlap({ start, bytes }, move, file);
  });
  return file;
}

interface Move {
  readonly from: ColumnChunk;
  /** Where its pages start in the new file. */
  readonly to: number;
}

function copyOverlap(
  piece: { readonly start: number; readonly bytes: Uint8Array },
  { from: chunk, to }: Move,
  file: Uint8Array,
): void {
  const start = Math.max(piece.start, chunk.start);
  const end = Math.min(piece.start + piece.bytes.length, chunk.start + chunk.sizeBytes);
  if (start >= end) return;
  const part = piece.bytes.subarray(start - piece.start, end - piece.start);
  file.set(part, to + start - chunk.start);
}

function trailerOf(footer: ParquetFooter, rowCount: number, moves: readonly Move[]): Uint8Array {
  const wanted = new Set(moves.map(({ from }) => pathKey(from.path)));
  const columns = moves.map(({ from, to }): ColumnChunk => ({
    ...from,
    start: to,
    dataStart: to + from.dataStart - from.start,
    statistics: null,
  }));
  return encodeTrailer({
    columns: prune(footer.columns, [], wanted),
    rowGroups: [{ rowCount, columns }],
    createdBy: footer.createdBy,
    keyValues: new Map(),
    typeDefinedOrder: false,
  });
}

/** The tree without what is not wanted, and without groups that are left empty. */
function prune(
  nodes: readonly ParquetNode[],
  parents: readonly string[],
  wanted: ReadonlySet<string>,
): readonly ParquetNode[] {
  return nodes.flatMap((node): readonly ParquetNode[] => {
    const path = [...parents, node.name];
    if (node.physicalType !== null) return wanted.has(pathKey(path)) ? [node] : [];
    const children = prune(node.children, path, wanted);
    return children.length === 0 ? [] : [{ ...node, children }];
  });
}

function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}
