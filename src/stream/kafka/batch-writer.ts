/** Writes a record batch of version 2; the layout is in `record-batch.ts`. */

import { CODECS, type Packing } from './compression.ts';
import type { Codec } from './connection-spec.ts';
import { RecordView } from './record-view.ts';
import type { KafkaRecord, ProducedRecord, RecordFields } from './types.ts';

export interface BatchSpec {
  readonly codec: Codec;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** The number of the first record. */
  readonly sequence: number;
  readonly transactional: boolean;
}

const HEAD_BYTES = 61;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const TRANSACTIONAL = 0x10;
/** Of a varint of 64 bits. */
const VARINT_BYTES_MAX = 10;

/** At least one record; the codec must be loaded. */
export function writeBatch(
  packing: Packing,
  spec: BatchSpec,
  records: readonly ProducedRecord[],
): Buffer {
  const times = records.map(({ timestampMs }) => timestampMs);
  const base = times[0] ?? 0;
  const packed = packing.pack(spec.codec, writeRecords(records, base));
  const batch = Buffer.concat([Buffer.alloc(HEAD_BYTES), packed]);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12); // leader epoch: the broker's to say
  batch.writeInt8(2, 16);
  batch.writeInt16BE(CODECS.indexOf(spec.codec) | (spec.transactional ? TRANSACTIONAL : 0), 21);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(base), 27);
  batch.writeBigInt64BE(BigInt(times.reduce((a, b) => Math.max(a, b), base)), 35);
  batch.writeBigInt64BE(spec.producerId, 43);
  batch.writeInt16BE(spec.producerEpoch, 51);
  batch.writeInt32BE(spec.sequence, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(packing.checksum(batch.subarray(ATTRIBUTES_AT)), CRC_AT);
  return batch;
}

/** How many bytes a record takes in a batch, at most. */
export function recordBytesMax({ key, value, headers }: ProducedRecord): number {
  let bytes = 5 * VARINT_BYTES_MAX + 1 + (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, content] of headers) {
    // A UTF-16 unit takes three bytes of UTF-8 at most; counting them would cost more than the room.
    bytes += 2 * VARINT_BYTES_MAX + 3 * name.length + content.length;
  }
  return bytes + VARINT_BYTES_MAX;
}

function writeRecords(records: readonly ProducedRecord[], baseMs: number): Buffer {
  const sizes = records.map(recordBytesMax);
  const out = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + size, 0));
  const body = Buffer.allocUnsafe(sizes.reduce((a, b) => Math.max(a, b), 0));
  let end = 0;
  for (const [index, record] of records.entries()) {
    const length = writeRecord(body, record, record.timestampMs - baseMs, index);
    end = writeVarint(out, end, length);
    end += body.copy(out, end, 0, length);
  }
  return out.subarray(0, end);
}

function writeRecord(
  out: Buffer,
  { key, value, headers }: ProducedRecord,
  timeDelta: number,
  offsetDelta: number,
): number {
  let at = out.writeInt8(0, 0);
  at = writeVarint(out, at, timeDelta);
  at = writeVarint(out, at, offsetDelta);
  at = writeBytes(out, at, key);
  at = writeBytes(out, at, value);
  at = writeVarint(out, at, headers.length);
  for (const [name, content] of headers) {
    at = writeText(out, at, name);
    at = writeBytes(out, at, content);
  }
  return at;
}

/** A record in memory of its own, as one that was fetched. */
export function recordOf(fields: RecordFields): KafkaRecord {
  const { key, value, headers } = fields;
  const all = [key, value, ...headers.flat()];
  const sizeMax = all.reduce((sum, bytes) => sum + VARINT_BYTES_MAX + (bytes?.length ?? 0), 0);
  const out = Buffer.alloc(sizeMax + VARINT_BYTES_MAX);
  let end = writeBytes(out, writeBytes(out, 0, key), value);
  end = writeVarint(out, end, headers.length);
  for (const [name, content] of headers) {
    end = writeBytes(out, writeBytes(out, end, name), content);
  }
  return new RecordView(new Uint8Array(out.buffer, out.byteOffset, end), 0, fields);
}

function writeBytes(out: Buffer, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(out, at, -1);
  const start = writeVarint(out, at, bytes.length);
  out.set(bytes, start);
  return start + bytes.length;
}

function writeText(out: Buffer, at: number, text: string): number {
  // One byte of length for short ASCII, which names are; others are measured first.
  const length = out.write(text, at + 1);
  if (length < 64) {
    out[at] = 2 * length;
    return at + 1 + length;
  }
  return writeBytes(out, at, Buffer.from(text));
}

/** Zigzag, of safe integers below 2^52. */
function writeVarint(out: Buffer, at: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let end = at;
  for (; rest >= 128; end += 1) {
    out[end] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  out[end] = rest;
  return end + 1;
}
