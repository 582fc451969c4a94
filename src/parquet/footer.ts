/**
 * The footer of a Parquet file: what it holds and where, without reading any of it.
 *
 * Layout of a file: `PAR1`, pages, footer (Thrift compact, `FileMetaData`), its length (u32, little endian), `PAR1`.
 */

import { corruptFooter, emptyFile, encrypted, notParquet, truncated } from './errors.ts';
import { withCalendar } from './old-calendar.ts';
import { readRowGroup } from './row-group.ts';
import { leavesOf, readSchema } from './schema-tree.ts';
import { type FieldType, ThriftReader } from './thrift.ts';
import type { ByteSource, ParquetFooter, ParquetNode, RowGroup } from './types.ts';

/** Bytes read from the end of a file at first: most footers fit, and one small request costs what a smaller one does. */
const TAIL_BYTES = 64 * 1024;
/** A longer footer is refused: it would be read into memory whole. */
const FOOTER_BYTES_MAX = 256 * 1024 * 1024;
/** Length and magic. */
const TRAILER_BYTES = 8;
const MAGIC = 'PAR1';
const ENCRYPTED_MAGIC = 'PARE';

/**
 * Reads and checks the footer: one read of the file's end, a second one where the footer is longer than that.
 *
 * Errors: `PARQUET_EMPTY_FILE`, `PARQUET_NOT_PARQUET`, `PARQUET_TRUNCATED`, `PARQUET_CORRUPT_FOOTER` (data),
 * `PARQUET_ENCRYPTED` (unsupported), and those of the source. A file of which only single columns are encrypted has
 * a footer; its chunks say so.
 */
export async function readFooter(source: ByteSource): Promise<ParquetFooter> {
  const { name, sizeBytes } = source;
  if (sizeBytes === 0) throw emptyFile(name);
  const tail = await readExactly(source, Math.max(0, sizeBytes - TAIL_BYTES), sizeBytes);
  await checkMagic(source, tail);
  const footerBytes = tail.readUInt32LE(tail.length - TRAILER_BYTES);
  if (footerBytes > sizeBytes - TRAILER_BYTES - MAGIC.length) {
    throw corruptFooter(name, 'its length is greater than the file');
  }
  if (footerBytes > FOOTER_BYTES_MAX) {
    throw corruptFooter(name, `it is longer than ${FOOTER_BYTES_MAX} bytes`);
  }
  const end = sizeBytes - TRAILER_BYTES;
  const bytes =
    footerBytes + TRAILER_BYTES <= tail.length
      ? tail.subarray(-footerBytes - TRAILER_BYTES, -TRAILER_BYTES)
      : await readExactly(source, end - footerBytes, end);
  // A copy: a view would keep the whole tail in memory, or change where a source reads into the same memory again.
  return decodeFooter(new Uint8Array(bytes), { file: name, fileSizeBytes: sizeBytes });
}

/**
 * Decodes the bytes of a footer, as `ParquetFooter.bytes` holds them; `file` is for messages.
 *
 * Errors: `PARQUET_CORRUPT_FOOTER`.
 */
export function decodeFooter(
  bytes: Uint8Array,
  options: { readonly file: string; readonly fileSizeBytes: number },
): ParquetFooter {
  const { file, fileSizeBytes } = options;
  const dataEnd = fileSizeBytes - TRAILER_BYTES - bytes.length;
  const reader = new ThriftReader(bytes, (why) => corruptFooter(file, why));
  const keyValues = new Map<string, string>();
  const rowGroups: RowGroup[] = [];
  let columns: readonly ParquetNode[] | null = null;
  let rowCount = -1;
  let createdBy: string | null = null;
  let orders: ColumnOrders = { count: 0, allTypeDefined: true };
  reader.struct((id, type) => {
    if (id === 2) columns = readSchema(reader, type, file);
    else if (id === 3) rowCount = reader.integer(type);
    else if (id === 4) {
      // Written in the order of field ids by every known writer; chunks are checked against the schema.
      if (columns === null) throw corruptFooter(file, 'its row groups come before its schema');
      const context = { file, leaves: leavesOf(columns), dataEnd };
      reader.list(type, (elementType) =>
        rowGroups.push(readRowGroup(reader, elementType, context)),
      );
    } else if (id === 5) {
      reader.list(type, (elementType) => readKeyValue(reader, elementType, keyValues));
    } else if (id === 6) createdBy = reader.text(type);
    else if (id === 7) orders = readColumnOrders(reader, type);
    else reader.skip(type);
  });
  if (columns === null) throw corruptFooter(file, 'it has no schema');
  const total = rowGroups.reduce((sum, rowGroup) => sum + rowGroup.rowCount, 0);
  if (total !== rowCount) throw corruptFooter(file, 'its row counts contradict each other');
  const leafCount = leavesOf(columns).length;
  const typeDefinedOrder = orders.allTypeDefined && orders.count === leafCount;
  return {
    bytes,
    fileSizeBytes,
    rowCount,
    columns: withCalendar(columns, keyValues),
    rowGroups,
    createdBy,
    keyValues,
    typeDefinedOrder,
  };
}

/**
 * For those who let an engine read columns of a file, whose own error would not tell: `columns` are top-level names.
 * Errors: `PARQUET_ENCRYPTED` (unsupported).
 */
export function checkNotEncrypted(
  { rowGroups }: ParquetFooter,
  columns: readonly string[],
  file: string,
): void {
  for (const chunk of rowGroups.flatMap((rowGroup) => rowGroup.columns)) {
    if (chunk.encrypted && columns.includes(chunk.path[0] ?? '')) throw encrypted(file);
  }
}

interface ColumnOrders {
  readonly count: number;
  readonly allTypeDefined: boolean;
}

async function checkMagic(source: ByteSource, tail: Buffer): Promise<void> {
  const { name, sizeBytes } = source;
  const last = tail.toString('latin1', Math.max(0, tail.length - MAGIC.length));
  if (last === ENCRYPTED_MAGIC) throw encrypted(name);
  const whole = sizeBytes >= TRAILER_BYTES + MAGIC.length;
  if (last === MAGIC && whole) return;
  const start = await readExactly(source, 0, Math.min(MAGIC.length, sizeBytes));
  const first = start.toString('latin1');
  if (MAGIC.startsWith(first)) {
    throw truncated(name, whole ? 'its footer is missing' : 'it is too short for a footer');
  }
  throw notParquet(name);
}

async function readExactly(source: ByteSource, start: number, end: number): Promise<Buffer> {
  const bytes = await source.read(start, end);
  if (bytes.length !== end - start) {
    throw truncated(source.name, 'it is shorter than it was when it was listed');
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readKeyValue(reader: ThriftReader, type: FieldType, keyValues: Map<string, string>): void {
  let key = '';
  let value = '';
  reader.nested(type, (id, fieldType) => {
    if (id === 1) key = reader.text(fieldType);
    else if (id === 2) value = reader.text(fieldType);
    else reader.skip(fieldType);
  });
  keyValues.set(key, value);
}

function readColumnOrders(reader: ThriftReader, type: FieldType): ColumnOrders {
  let count = 0;
  let allTypeDefined = true;
  reader.list(type, (elementType) => {
    count += 1;
    let typeDefined = false;
    reader.nested(elementType, (id, fieldType) => {
      typeDefined = id === 1;
      reader.skip(fieldType);
    });
    allTypeDefined &&= typeDefined;
  });
  return { count, allTypeDefined };
}
