/** Messages of one schema, decoded straight into columns in Arrow's layout. */

import type { Data } from 'apache-arrow';

import { assert } from '../base/index.ts';
import { arrowSchemaOf } from '../parquet/index.ts';
import type { StructType } from '../schema/index.ts';
import { ByteReader, FaultSignal } from './byte-reader.ts';
import { columnData, columnTree } from './column-tree.ts';
import { incompatible } from './errors.ts';
import { generate } from './generate.ts';
import { Level } from './level.ts';
import { resolve } from './resolve.ts';
import { avroToDelta } from './to-delta.ts';
import type { AvroFault, AvroSchema } from './types.ts';

export interface DecoderOptions {
  /** The schema whose columns are wanted. Default: the writer's own. */
  readonly reader?: AvroSchema;
  /** Memory for the values of one column, and for all numbers of one level. Default and at most 2^31 - 1. */
  readonly columnBytesMax?: number;
}

/** One batch at a time; its memory is used again for the next one. */
export interface AvroDecoder {
  /** The columns: those of `avroToDelta` of the reader's schema. */
  readonly schema: StructType;
  /** Rows of the batch so far. */
  readonly rowCount: number;
  /** Begins a batch, and forgets the rows of one that was not finished. */
  start(): void;
  /**
   * Adds the message in bytes `start` (inclusive) to `end` (exclusive) as a row. A message that cannot be decoded is answered
   * with its fault, and leaves no trace: `AVRO_TRUNCATED`, `AVRO_TRAILING_BYTES`, `AVRO_BAD_LENGTH`, `AVRO_BAD_NUMBER`,
   * `AVRO_BAD_BOOLEAN`, `AVRO_BAD_UNION`, `AVRO_BAD_ENUM`, `AVRO_BAD_UTF8`, `AVRO_BAD_DECIMAL`, `AVRO_DECIMAL_OVERFLOW`,
   * `AVRO_OUT_OF_RANGE`, `AVRO_DUPLICATE_KEY`, `AVRO_UNREADABLE` (a branch of a union that the reader does not have),
   * `AVRO_TOO_LARGE` (even for a batch of its own). `AVRO_BATCH_FULL` is no fault of the message: finish the batch, and
   * append it to the next one.
   */
  append(bytes: Uint8Array, start: number, end: number): AvroFault | null;
  /** Adds a row that is null as a whole. Answers `AVRO_BATCH_FULL` as `append` does. */
  appendNull(): AvroFault | null;
  /**
   * The rows of the batch as a struct of Arrow, and begins the next one: what is appended then takes the same memory.
   * Types are those of `arrowSchemaOf`; texts and binaries that repeat are a dictionary of theirs.
   */
  finish(): Data;
}

const COLUMN_BYTES_MAX = 2 ** 31 - 1;

/**
 * A decoder for messages that `writer` describes. Its code is generated once, here.
 *
 * Errors: `AVRO_NOT_RECORD`, `AVRO_NO_COLUMN` (unsupported) as of `avroToDelta`; `AVRO_INCOMPATIBLE` (data) where the reader
 * cannot read what the writer writes.
 */
export async function compileDecoder(
  writer: AvroSchema,
  options: DecoderOptions = {},
): Promise<AvroDecoder> {
  const { reader = writer, columnBytesMax = COLUMN_BYTES_MAX } = options;
  const schema = avroToDelta(reader);
  const resolution = resolve(writer, reader);
  if (resolution.kind === 'mismatch') throw incompatible(resolution.why);
  const arrow = await import('apache-arrow');
  const type = new arrow.Struct((await arrowSchemaOf(schema)).fields);

  const bytesReader = new ByteReader();
  const rows = new Level(bytesReader, columnBytesMax);
  const limits = { reader: bytesReader, bytesMax: columnBytesMax };
  const column = columnTree(limits, rows, { type: schema, nullable: true });
  const code = generate(bytesReader, column, resolution);
  let rowCount = 0;

  function add(write: () => void): AvroFault | null {
    try {
      if (rowCount >= rows.capacity) rows.grow(rowCount);
      write();
    } catch (error) {
      if (!(error instanceof FaultSignal)) throw error;
      return faultOf(error.fault, rowCount);
    }
    rowCount += 1;
    return null;
  }

  function readRow(): void {
    code.read(rowCount);
    if (bytesReader.at < bytesReader.end) {
      bytesReader.fail('AVRO_TRAILING_BYTES', 'the value ends before the message does,');
    }
  }

  return {
    schema,
    get rowCount() {
      return rowCount;
    },
    start: () => {
      rowCount = 0;
    },
    append: (bytes, start, end) => {
      assert(start >= 0 && start <= end && end <= bytes.length, 'a message is within its bytes');
      bytesReader.open(bytes, start, end);
      return add(readRow);
    },
    appendNull: () => add(() => code.clear(rowCount)),
    finish: () => {
      const data = columnData(arrow, column, { type, count: rowCount });
      rowCount = 0;
      return data;
    },
  };
}

/** What does not fit an empty batch fits none. */
function faultOf(fault: AvroFault, rowCount: number): AvroFault {
  if (fault.code !== 'AVRO_BATCH_FULL' || rowCount > 0) return fault;
  return { code: 'AVRO_TOO_LARGE', reason: 'the message takes more memory than a batch may have' };
}
