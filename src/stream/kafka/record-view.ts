/** The fields of a record where they stand, laid out as in `record-batch.ts`. */

import type { KafkaRecord, RecordFields } from './types.ts';

/** A number has ten bytes at most. */
const SCALE_MAX = 2 ** 63;

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

/** Reads at `at`, which whoever uses it sets. */
export class FieldCursor {
  memory: Uint8Array;
  at = 0;
  /** Where the field that was passed last begins; below 0 for null. */
  start = 0;

  constructor(memory: Uint8Array) {
    this.memory = memory;
  }

  /** Zigzag. Past the end zeros are read; whoever asked compares places. Throws `BatchFault`. */
  varint(): number {
    const { memory } = this;
    const first = memory[this.at] ?? 0;
    this.at += 1;
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    const second = memory[this.at] ?? 0;
    if (second >= 0x80) return this.#long(first & 0x7f);
    this.at += 1;
    const value = (first & 0x7f) | (second << 7);
    return (value >>> 1) ^ -(value & 1);
  }

  #long(low: number): number {
    let value = low;
    let scale = 128;
    for (;;) {
      const byte = this.memory[this.at] ?? 0;
      this.at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
      if (scale > SCALE_MAX) throw new BatchFault('broken', 'a number has too many bytes', -1);
    }
  }

  /**
   * Passes the field at `place`, and answers with the place after it. That is not kept here: each field waits for the place
   * of the one before. Past the end, fields are empty; whoever asked compares places. Throws `BatchFault`.
   */
  pass(place: number): number {
    const byte = this.memory[place] ?? 0;
    if (byte >= 0x80 || (byte & 1) === 1) return this.#passAny(place);
    this.start = place + 1;
    return place + 1 + (byte >>> 1);
  }

  #passAny(place: number): number {
    this.at = place;
    const length = this.varint();
    if (length < -1) throw new BatchFault('broken', 'a field has a length below zero', -1);
    this.start = length < 0 ? -1 : this.at;
    return this.at + Math.max(0, length);
  }

  /** Passes over key, value and headers, all of which must end inside of the memory. Throws `BatchFault`. */
  skipFields(): void {
    this.at = this.pass(this.pass(this.at));
    const count = this.varint();
    const sizeBytes = this.memory.length;
    let { at } = this;
    // A header has two lengths: more of them than bytes would be read for long.
    for (let place = 0; place < count && at <= sizeBytes; place += 1) at = this.pass(this.pass(at));
    if (at > sizeBytes) throw new BatchFault('broken', 'a field is longer than its batch', -1);
    this.at = at;
  }
}

/** Makes a view of a field when it is asked for. */
export class RecordView implements KafkaRecord {
  memory: Uint8Array;
  at: number;
  offset: number;
  timestampMs: number;

  constructor(
    memory: Uint8Array,
    at: number,
    { offset, timestampMs }: Pick<RecordFields, 'offset' | 'timestampMs'>,
  ) {
    this.memory = memory;
    this.at = at;
    this.offset = offset;
    this.timestampMs = timestampMs;
  }

  get key(): Uint8Array | null {
    return bytesAt(this.#cursor());
  }

  get value(): Uint8Array | null {
    const cursor = this.#cursor();
    bytesAt(cursor);
    return bytesAt(cursor);
  }

  get headers(): RecordFields['headers'] {
    const cursor = this.#cursor();
    bytesAt(cursor);
    bytesAt(cursor);
    const count = cursor.varint();
    const headers: (readonly [Uint8Array, Uint8Array | null])[] = [];
    for (let place = 0; place < count; place += 1) {
      headers.push([bytesAt(cursor) ?? new Uint8Array(0), bytesAt(cursor)]);
    }
    return headers;
  }

  #cursor(): FieldCursor {
    const cursor = new FieldCursor(this.memory);
    cursor.at = this.at;
    return cursor;
  }
}

/** The records of one portion after another; what is an object for each record is used again. */
export class RecordPortion {
  readonly #views: RecordView[] = [];
  #count = 0;

  add(memory: Uint8Array, at: number, offset: number, timestampMs: number): void {
    const view = this.#views[this.#count];
    this.#count += 1;
    if (view === undefined) {
      this.#views.push(new RecordView(memory, at, { offset, timestampMs }));
      return;
    }
    view.memory = memory;
    view.at = at;
    view.offset = offset;
    view.timestampMs = timestampMs;
  }

  /** What was added since; valid until the next `add`, which begins the next portion. */
  take(): readonly KafkaRecord[] {
    const records = this.#views.slice(0, this.#count);
    this.#count = 0;
    return records;
  }
}

function bytesAt(cursor: FieldCursor): Uint8Array | null {
  const length = cursor.varint();
  if (length < 0) return null;
  const start = cursor.at;
  cursor.at += length;
  return cursor.memory.subarray(start, cursor.at);
}
