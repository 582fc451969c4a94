/**
 * A Parquet file in memory that holds some columns of one row group of another: same pages, a footer of its own. The
 * decoder then needs no projection, and cannot touch bytes that were not fetched.
 */

import { chunkRanges, fetchRanges, type Projection, wantedChunks } from './byte-range.ts';
import { encrypted } from './errors.ts';
import { ENCODINGS, CODECS } from './row-group.ts';
import { PHYSICAL_TYPES, REPETITIONS } from './schema-tree.ts';
import { ThriftWriter } from './thrift-writer.ts';
import type {
  ByteSource,
  ColumnChunk,
  LogicalType,
  ParquetFooter,
  ParquetNode,
  RowGroup,
} from './types.ts';

const MAGIC = 'PAR1';

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
  const placed: PlacedChunk[] = [];
  let end = MAGIC.length;
  for (const chunk of chunks) {
    placed.push({ chunk, start: end });
    end += chunk.sizeBytes;
  }
  const trailer = trailerOf(footer.columns, rowGroup.rowCount, placed);
  const file = Buffer.alloc(end + trailer.length);
  file.write(MAGIC, 'latin1');
  file.set(trailer, end);
  await fetchRanges(source, chunkRanges(rowGroup, columns), (start, bytes) => {
    for (const it of placed) copyOverlap({ start, bytes }, it, file);
  });
  return file;
}

interface PlacedChunk {
  readonly chunk: ColumnChunk;
  /** Where its pages start in the new file. */
  readonly start: number;
}

function copyOverlap(
  piece: { readonly start: number; readonly bytes: Uint8Array },
  { chunk, start }: PlacedChunk,
  file: Uint8Array,
): void {
  const from = Math.max(piece.start, chunk.start);
  const to = Math.min(piece.start + piece.bytes.length, chunk.start + chunk.sizeBytes);
  if (from >= to) return;
  const part = piece.bytes.subarray(from - piece.start, to - piece.start);
  file.set(part, start + from - chunk.start);
}

/** Footer, length and magic. */
function trailerOf(
  columns: readonly ParquetNode[],
  rowCount: number,
  placed: readonly PlacedChunk[],
): Uint8Array {
  const wanted = new Set(placed.map(({ chunk }) => pathKey(chunk.path)));
  const elements = flatten({ ...ROOT, children: prune(columns, [], wanted) });
  const writer = new ThriftWriter();
  writer.struct(() => {
    writer.integer(1, 'i32', 1);
    writer.list(2, 'struct', elements, (node) => writeElement(writer, node));
    writer.integer(3, 'i64', rowCount);
    writer.list(4, 'struct', [placed], (chunks) => writeRowGroup(writer, rowCount, chunks));
  });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(writer.bytes.length);
  return Buffer.concat([writer.bytes, length, Buffer.from(MAGIC)]);
}

const ROOT: ParquetNode = {
  name: 'schema',
  repetition: 'REQUIRED',
  physicalType: null,
  typeLength: null,
  logicalType: null,
  fieldId: null,
  children: [],
};

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

function flatten(node: ParquetNode): readonly ParquetNode[] {
  return [node, ...node.children.flatMap(flatten)];
}

function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}

function writeElement(writer: ThriftWriter, node: ParquetNode): void {
  const { physicalType, typeLength, logicalType, children } = node;
  writer.struct(() => {
    if (physicalType !== null) writer.integer(1, 'i32', PHYSICAL_TYPES.indexOf(physicalType));
    if (typeLength !== null) writer.integer(2, 'i32', typeLength);
    writer.integer(3, 'i32', REPETITIONS.indexOf(node.repetition));
    writer.text(4, node.name);
    if (physicalType === null) writer.integer(5, 'i32', children.length);
    if (logicalType?.kind === 'decimal') {
      writer.integer(7, 'i32', logicalType.scale);
      writer.integer(8, 'i32', logicalType.precision);
    }
    if (logicalType !== null) writeLogicalType(writer, logicalType);
  });
}

/** Members of the union `LogicalType` that have no fields. What is not here reads as its physical type. */
const EMPTY_MEMBERS: ReadonlyMap<LogicalType['kind'], number> = new Map<
  LogicalType['kind'],
  number
>([
  ['string', 1],
  ['map', 2],
  ['list', 3],
  ['enum', 4],
  ['date', 6],
  ['json', 12],
  ['bson', 13],
  ['uuid', 14],
  ['float16', 15],
]);
const UNITS = ['ms', 'us', 'ns'] as const;

function writeLogicalType(writer: ThriftWriter, type: LogicalType): void {
  const member = EMPTY_MEMBERS.get(type.kind);
  if (member !== undefined) writer.nested(10, () => writer.nested(member, nothing));
  else if (type.kind === 'decimal') {
    writer.nested(10, () =>
      writer.nested(5, () => {
        writer.integer(1, 'i32', type.scale);
        writer.integer(2, 'i32', type.precision);
      }),
    );
  } else if (type.kind === 'timestamp' || type.kind === 'time') {
    writer.nested(10, () =>
      writer.nested(type.kind === 'time' ? 7 : 8, () => {
        writer.boolean(1, type.adjustedToUtc);
        writer.nested(2, () => writer.nested(UNITS.indexOf(type.unit) + 1, nothing));
      }),
    );
  } else if (type.kind === 'integer') {
    writer.nested(10, () =>
      writer.nested(10, () => {
        writer.byte(1, type.bitWidth);
        writer.boolean(2, type.signed);
      }),
    );
  }
}

function nothing(): void {
  // An empty struct: only its end is written.
}

function writeRowGroup(
  writer: ThriftWriter,
  rowCount: number,
  placed: readonly PlacedChunk[],
): void {
  const sizeBytes = placed.reduce((sum, { chunk }) => sum + chunk.uncompressedBytes, 0);
  writer.struct(() => {
    writer.list(1, 'struct', placed, (it) => writeChunk(writer, it));
    writer.integer(2, 'i64', sizeBytes);
    writer.integer(3, 'i64', rowCount);
  });
}

function writeChunk(writer: ThriftWriter, { chunk, start }: PlacedChunk): void {
  writer.struct(() => {
    writer.integer(2, 'i64', start);
    writer.nested(3, () => {
      writer.integer(1, 'i32', PHYSICAL_TYPES.indexOf(chunk.physicalType));
      writer.list(2, 'i32', chunk.encodings, (it) => writer.element(ENCODINGS.indexOf(it)));
      writer.list(3, 'binary', chunk.path, (part) => writer.textElement(part));
      writer.integer(4, 'i32', CODECS.indexOf(chunk.codec));
      writer.integer(5, 'i64', chunk.valueCount);
      writer.integer(6, 'i64', chunk.uncompressedBytes);
      writer.integer(7, 'i64', chunk.sizeBytes);
      // Readers go through the pages from the first byte on, a dictionary page included.
      writer.integer(9, 'i64', start);
    });
  });
}
