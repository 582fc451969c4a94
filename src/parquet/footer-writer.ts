/**
 * Writes footers (parquet.thrift, `FileMetaData`). Of what older readers need, the converted types are written too;
 * page indexes, Bloom filters and size statistics are left out, so that no offset in them can go stale.
 */

import { CODECS, ENCODINGS } from './row-group.ts';
import { leavesOf, PHYSICAL_TYPES, REPETITIONS } from './schema-tree.ts';
import { ThriftWriter } from './thrift-writer.ts';
import type {
  ChunkStatistics,
  ColumnChunk,
  LogicalType,
  ParquetFooter,
  ParquetNode,
  RowGroup,
} from './types.ts';

/** The first and the last bytes of every file. */
export const MAGIC = 'PAR1';

export type FooterContent = Pick<
  ParquetFooter,
  'columns' | 'rowGroups' | 'createdBy' | 'keyValues' | 'typeDefinedOrder'
>;

/** The end of a file: footer, length and magic. Offsets are written as they stand in `content`. */
export function encodeTrailer(content: FooterContent): Uint8Array {
  const writer = new ThriftWriter();
  writer.struct(() => writeFile(writer, content));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(writer.bytes.length);
  return Buffer.concat([writer.bytes, length, Buffer.from(MAGIC)]);
}

const FORMAT_VERSION = 1;

function writeFile(writer: ThriftWriter, content: FooterContent): void {
  const { columns, rowGroups, createdBy, keyValues } = content;
  const rowCount = rowGroups.reduce((sum, rowGroup) => sum + rowGroup.rowCount, 0);
  writer.integer(1, 'i32', FORMAT_VERSION);
  writer.list(2, 'struct', flatten(rootOf(columns)), (node) => writeElement(writer, node));
  writer.integer(3, 'i64', rowCount);
  writer.list(4, 'struct', [...rowGroups.entries()], ([ordinal, rowGroup]) =>
    writeRowGroup(writer, rowGroup, ordinal),
  );
  if (keyValues.size > 0) {
    writer.list(5, 'struct', [...keyValues], ([key, value]) =>
      writer.struct(() => {
        writer.text(1, key);
        writer.text(2, value);
      }),
    );
  }
  if (createdBy !== null) writer.text(6, createdBy);
  if (content.typeDefinedOrder) {
    writer.list(7, 'struct', leavesOf(columns), () =>
      writer.struct(() => writer.nested(1, nothing)),
    );
  }
}

function rootOf(children: readonly ParquetNode[]): ParquetNode {
  return {
    name: 'schema',
    repetition: 'REQUIRED',
    physicalType: null,
    typeLength: null,
    logicalType: null,
    fieldId: null,
    children,
  };
}

function flatten(node: ParquetNode): readonly ParquetNode[] {
  return [node, ...node.children.flatMap(flatten)];
}

function writeElement(writer: ThriftWriter, node: ParquetNode): void {
  const { physicalType, typeLength, logicalType, fieldId, children } = node;
  const converted = logicalType === null ? null : convertedTypeOf(logicalType);
  writer.struct(() => {
    if (physicalType !== null) writer.integer(1, 'i32', PHYSICAL_TYPES.indexOf(physicalType));
    if (typeLength !== null) writer.integer(2, 'i32', typeLength);
    writer.integer(3, 'i32', REPETITIONS.indexOf(node.repetition));
    writer.text(4, node.name);
    if (physicalType === null) writer.integer(5, 'i32', children.length);
    if (converted !== null) writer.integer(6, 'i32', converted);
    if (logicalType?.kind === 'decimal') {
      writer.integer(7, 'i32', logicalType.scale);
      writer.integer(8, 'i32', logicalType.precision);
    }
    if (fieldId !== null) writer.integer(9, 'i32', fieldId);
    if (logicalType !== null) writeLogicalType(writer, logicalType);
  });
}

const CONVERTED: ReadonlyMap<LogicalType['kind'], number> = new Map<LogicalType['kind'], number>([
  ['string', 0],
  ['map', 1],
  ['list', 3],
  ['enum', 4],
  ['decimal', 5],
  ['date', 6],
  ['json', 19],
  ['bson', 20],
  ['interval', 21],
]);

function convertedTypeOf(type: LogicalType): number | null {
  if (type.kind === 'integer') {
    return (type.signed ? 15 : 11) + Math.log2(type.bitWidth / 8);
  }
  if (type.kind === 'time' || type.kind === 'timestamp') {
    // The converted types always mean UTC, and know no nanoseconds.
    if (!type.adjustedToUtc || type.unit === 'ns') return null;
    return (type.kind === 'time' ? 7 : 9) + (type.unit === 'ms' ? 0 : 1);
  }
  return CONVERTED.get(type.kind) ?? null;
}

/** Members of the union `LogicalType` that have no fields. */
const EMPTY_MEMBERS: ReadonlyMap<LogicalType['kind'], number> = new Map<
  LogicalType['kind'],
  number
>([
  ['string', 1],
  ['map', 2],
  ['list', 3],
  ['enum', 4],
  ['date', 6],
  ['unknown', 11],
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

function writeRowGroup(writer: ThriftWriter, rowGroup: RowGroup, ordinal: number): void {
  const { columns, rowCount } = rowGroup;
  const total = (size: (chunk: ColumnChunk) => number): number =>
    columns.reduce((sum, chunk) => sum + size(chunk), 0);
  writer.struct(() => {
    writer.list(1, 'struct', columns, (chunk) => writeChunk(writer, chunk));
    writer.integer(
      2,
      'i64',
      total((chunk) => chunk.uncompressedBytes),
    );
    writer.integer(3, 'i64', rowCount);
    writer.integer(5, 'i64', columns[0]?.start ?? 0);
    writer.integer(
      6,
      'i64',
      total((chunk) => chunk.sizeBytes),
    );
    if (ordinal < 0x8000) writer.integer(7, 'i16', ordinal);
  });
}

function writeChunk(writer: ThriftWriter, chunk: ColumnChunk): void {
  const { start, dataStart, statistics } = chunk;
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
      writer.integer(9, 'i64', dataStart);
      if (start < dataStart) writer.integer(11, 'i64', start);
      if (statistics !== null) writer.nested(12, () => writeStatistics(writer, statistics));
    });
  });
}

function writeStatistics(writer: ThriftWriter, { min, max, nullCount }: ChunkStatistics): void {
  if (nullCount !== null) writer.integer(3, 'i64', Number(nullCount));
  if (max !== null) writer.binary(5, max);
  if (min !== null) writer.binary(6, min);
}
