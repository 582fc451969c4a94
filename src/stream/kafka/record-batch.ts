/**
 * Record batches of version 2, the format of Kafka's log since 0.11 ("Message Format" in Kafka's documentation):
 *
 *     baseOffset int64 | batchLength int32 | leaderEpoch int32 | magic int8 | crc uint32 | attributes int16
 *     lastOffsetDelta int32 | baseTimestamp int64 | maxTimestamp int64 | producerId int64 | producerEpoch int16
 *     baseSequence int32 | count int32 | records (packed by the attributes' codec)
 *
 *     record: length varint | attributes int8 | timestampDelta varint | offsetDelta varint
 *             key bytes | value bytes | headers: count varint, each key bytes, value bytes      (bytes: length varint, -1 for null)
 */

import { assert } from '../../base/index.ts';
import type { BatchHead } from './abort-filter.ts';
import { CODECS } from './compression.ts';
import type { Codec } from './connection-spec.ts';
import { BatchFault, FieldCursor, RecordPortion } from './record-view.ts';

export { BatchFault };

const LENGTH_END = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const HEAD_BYTES = 61;
const MAGIC = 2;
const TWO_32 = 0x1_0000_0000;

export interface Batch extends BatchHead {
  readonly codec: Codec;
  readonly baseTimestampMs: number;
  /** Set where the broker's time of arrival is the time of every record. */
  readonly appendTimestampMs: number | null;
  readonly recordCount: number;
  /** As they are in the log: packed. */
  readonly records: Buffer;
}

/** The whole batches at the front of `log`; a broker cuts the last one anywhere. Throws `BatchFault`. */
export function readBatches(log: Buffer, crc32c: (bytes: Buffer) => number): Batch[] {
  const batches: Batch[] = [];
  let start = 0;
  while (log.length - start >= HEAD_BYTES) {
    const baseOffset = readInt64(log, start);
    const end = start + LENGTH_END + log.readInt32BE(start + 8);
    const magic = log[start + MAGIC_AT] ?? 0;
    if (magic !== MAGIC) {
      throw new BatchFault('unsupported', `the old message format ${String(magic)}`, baseOffset);
    }
    if (end < start + HEAD_BYTES) {
      throw new BatchFault('broken', 'a batch is shorter than its head', baseOffset);
    }
    if (end > log.length) break;
    if (crc32c(log.subarray(start + ATTRIBUTES_AT, end)) !== log.readUInt32BE(start + CRC_AT)) {
      throw new BatchFault(
        'broken',
        'the checksum of a batch does not match its bytes',
        baseOffset,
      );
    }
    batches.push(readBatch(log.subarray(start, end), baseOffset));
    start = end;
  }
  return batches;
}

/** The records of a batch with offsets from `start` to before `end` are added to `into`. Throws `BatchFault`. */
export function readRecords(
  batch: Batch,
  unpacked: Buffer,
  { start, end }: { readonly start: number; readonly end: number },
  into: RecordPortion,
): void {
  // A plain array of bytes is read faster than a buffer.
  const memory = new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.length);
  const cursor = new FieldCursor(memory);
  for (let index = 0; index < batch.recordCount; index += 1) {
    const length = cursor.varint();
    const next = cursor.at + length;
    if (length < 0 || next > memory.length) {
      throw new BatchFault('broken', 'a record is longer than its batch', batch.baseOffset);
    }
    cursor.at += 1;
    const timestampMs = batch.appendTimestampMs ?? batch.baseTimestampMs + cursor.varint();
    if (batch.appendTimestampMs !== null) cursor.varint();
    const offset = batch.baseOffset + cursor.varint();
    if (offset >= end) return;
    if (offset >= start) {
      into.add(memory, cursor.at, offset, timestampMs);
      cursor.skipFields();
      if (cursor.at !== next) {
        throw new BatchFault('broken', 'a record does not have the length that it says', offset);
      }
    }
    cursor.at = next;
  }
}

/** Whether a control batch, which is never packed, says that its transaction was aborted. */
export function isAbortMarker(control: Batch): boolean {
  assert(control.control, 'only a control batch holds a marker');
  const records = new RecordPortion();
  readRecords(control, control.records, { start: 0, end: Infinity }, records);
  const [marker] = records.take();
  const key = marker?.key ?? null;
  // version int16, type int16: 0 aborts, 1 commits
  return key !== null && key.length >= 4 && key[2] === 0 && key[3] === 0;
}

function readBatch(bytes: Buffer, baseOffset: number): Batch {
  const attributes = bytes.readInt16BE(ATTRIBUTES_AT);
  const codec = CODECS[attributes & 7];
  if (codec === undefined) {
    throw new BatchFault('unsupported', `codec ${String(attributes & 7)}`, baseOffset);
  }
  return {
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(23),
    codec,
    baseTimestampMs: readInt64(bytes, 27),
    appendTimestampMs: (attributes & 0x08) === 0 ? null : readInt64(bytes, 35),
    producerId: bytes.readBigInt64BE(43),
    transactional: (attributes & 0x10) !== 0,
    control: (attributes & 0x20) !== 0,
    recordCount: bytes.readInt32BE(57),
    records: bytes.subarray(HEAD_BYTES),
  };
}

/** Offsets and times of any real log fit a double. */
function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);
}
