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
import type { KafkaRecord } from './types.ts';

const LENGTH_END = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const HEAD_BYTES = 61;
const MAGIC = 2;
const TWO_32 = 0x1_0000_0000;
/** A number has ten bytes at most. */
const SCALE_MAX = 2 ** 63;

export interface Batch extends BatchHead {
  readonly codec: Codec;
  readonly baseTimestampMs: number;
  /** Set where the broker's time of arrival is the time of every record. */
  readonly appendTimestampMs: number | null;
  readonly recordCount: number;
  /** As they are in the log: packed. */
  readonly records: Buffer;
}

/** Why bytes are no batch or no records. */
export class BatchFault extends Error {
  readonly kind: 'broken' | 'unsupported';
  readonly offset: number;

  constructor(kind: 'broken' | 'unsupported', reason: string, offset: number) {
    super(reason);
    this.kind = kind;
    this.offset = offset;
  }
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
  into: KafkaRecord[],
): void {
  const reader = new RecordReader(unpacked);
  for (let index = 0; index < batch.recordCount; index += 1) {
    const length = reader.varint();
    const next = reader.position + length;
    if (length < 0 || next > unpacked.length) {
      throw new BatchFault('broken', 'a record is longer than its batch', batch.baseOffset);
    }
    reader.position += 1;
    const timestampMs = batch.appendTimestampMs ?? batch.baseTimestampMs + reader.varint();
    if (batch.appendTimestampMs !== null) reader.varint();
    const offset = batch.baseOffset + reader.varint();
    if (offset >= end) return;
    if (offset >= start) {
      into.push(new RecordView(reader, offset, timestampMs));
      if (reader.position !== next) {
        throw new BatchFault('broken', 'a record does not have the length that it says', offset);
      }
    }
    reader.position = next;
  }
}

/** Whether a control batch, which is never packed, says that its transaction was aborted. */
export function isAbortMarker(control: Batch): boolean {
  const [marker] = controlRecords(control);
  const key = marker?.key ?? null;
  // version int16, type int16: 0 aborts, 1 commits
  return key !== null && key.length >= 4 && key[2] === 0 && key[3] === 0;
}

function controlRecords(control: Batch): KafkaRecord[] {
  assert(control.control, 'only a control batch holds a marker');
  const records: KafkaRecord[] = [];
  readRecords(control, control.records, { start: 0, end: Infinity }, records);
  return records;
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

type Header = KafkaRecord['headers'][number];

/**
 * Knows where a record's fields are, and makes a view of one when it is asked for: views that are dropped at once cost a
 * third of those that live as long as their batch.
 */
class RecordView implements KafkaRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly #reader: RecordReader;
  readonly #key: number;
  readonly #value: number;
  readonly #headers: number;

  /** `reader` is at the key, and after the headers when this returns. */
  constructor(reader: RecordReader, offset: number, timestampMs: number) {
    this.offset = offset;
    this.timestampMs = timestampMs;
    this.#reader = reader;
    this.#key = reader.position;
    reader.skip();
    this.#value = reader.position;
    reader.skip();
    this.#headers = reader.position;
    reader.skipHeaders();
  }

  get key(): Uint8Array | null {
    this.#reader.position = this.#key;
    return this.#reader.bytes();
  }

  get value(): Uint8Array | null {
    this.#reader.position = this.#value;
    return this.#reader.bytes();
  }

  get headers(): readonly Header[] {
    this.#reader.position = this.#headers;
    return this.#reader.headers();
  }
}

/** Reads at `position`, which whoever uses it sets. */
class RecordReader {
  readonly #bytes: Buffer;
  readonly #arena: ArrayBufferLike;
  readonly #arenaStart: number;
  /** The names of the record before, by place: mostly they are those of the next one too. */
  readonly #names: Uint8Array[] = [];
  position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#arena = bytes.buffer;
    this.#arenaStart = bytes.byteOffset;
  }

  /** Zigzag. Past the end zeros are read; whoever asked compares positions. */
  varint(): number {
    const bytes = this.#bytes;
    const first = bytes[this.position] ?? 0;
    this.position += 1;
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let value = first & 0x7f;
    let scale = 128;
    for (;;) {
      const byte = bytes[this.position] ?? 0;
      this.position += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
      if (scale > SCALE_MAX) throw new BatchFault('broken', 'a number has too many bytes', -1);
    }
  }

  bytes(): Uint8Array | null {
    const length = this.varint();
    return length < 0 ? null : this.#slice(length);
  }

  headers(): readonly Header[] {
    const count = this.varint();
    const headers: Header[] = [];
    for (let place = 0; place < count; place += 1) headers.push([this.#name(place), this.bytes()]);
    return headers;
  }

  /** Passes over bytes, which must end inside of the batch. */
  skip(): void {
    const length = this.varint();
    if (length < -1) throw new BatchFault('broken', 'a field has a length below zero', -1);
    if (length > 0) this.position += length;
    if (this.position > this.#bytes.length) {
      throw new BatchFault('broken', 'a field is longer than its batch', -1);
    }
  }

  skipHeaders(): void {
    const count = this.varint();
    for (let place = 0; place < count; place += 1) {
      this.skip();
      this.skip();
    }
  }

  #name(place: number): Uint8Array {
    const length = Math.max(0, this.varint());
    const known = this.#names[place];
    if (known?.length === length && this.#isNext(known)) {
      this.position += length;
      return known;
    }
    const name = this.#slice(length);
    this.#names[place] = name;
    return name;
  }

  #isNext(known: Uint8Array): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < known.length; index += 1) {
      if (bytes[this.position + index] !== known[index]) return false;
    }
    return true;
  }

  #slice(length: number): Uint8Array {
    const start = this.#arenaStart + this.position;
    this.position += length;
    return new Uint8Array(this.#arena, start, length);
  }
}
