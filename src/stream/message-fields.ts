/** One message, read where it stands: the places of its key, its value and the headers that become columns. */

import { isUtf8 } from 'node:buffer';

import { present } from '../base/index.ts';
import { STRING, TIMESTAMP, typesEqual } from '../schema/index.ts';
import { FieldCursor } from './kafka/record-view.ts';
import type { KafkaRecord } from './kafka/types.ts';
import type { EnvelopeSpec } from './message-envelope.ts';
import { fault, type MessageFault } from './message-fault.ts';
import { TimeReader } from './message-time.ts';

const MICROS_PER_DAY = 86_400_000_000;
/** Where a field ends that is not there. */
const ABSENT = -1;
const NOT_ASCII = 0x8080_8080;

/** A value in its memory; places are valid as long as the portion that the message came with. */
export interface MessageValue {
  readonly memory: Uint8Array;
  readonly valueStart: number;
  /** Exclusive; below 0 for a message without a value. */
  readonly valueEnd: number;
}

/** The bytes of the value, null where there is none. */
export function valueOf({ memory, valueStart, valueEnd }: MessageValue): Uint8Array | null {
  return valueEnd < 0 ? null : memory.subarray(valueStart, valueEnd);
}

/** The fields of one message; used again for the next. */
export class MessageFields implements MessageValue {
  readonly #spec: EnvelopeSpec;
  readonly #names: readonly Uint8Array[];
  readonly #kinds: readonly HeaderKind[];
  readonly #dateSlot: number;
  /** Which column the header at a place of the list was last time: messages mostly have the same headers. */
  readonly #guesses: Guess[] = [];
  readonly #cursor = new FieldCursor(new Uint8Array(0));
  readonly #time = new TimeReader();

  memory: Uint8Array = this.#cursor.memory;
  view: DataView = new DataView(new ArrayBuffer(0));
  offset = 0;
  timestampMs = 0;
  keyStart = 0;
  keyEnd = ABSENT;
  valueStart = 0;
  valueEnd = ABSENT;
  /** Of the headers by the places of their columns, as those of the value. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Of timestamps, microseconds since the epoch; NaN where there is none. */
  readonly times: Float64Array;
  /** Days since the epoch. */
  date: number | null = null;

  constructor(spec: EnvelopeSpec) {
    this.#spec = spec;
    const { fields } = spec.headers;
    this.#names = fields.map(({ name }) => Buffer.from(name, 'utf8'));
    this.#kinds = fields.map(({ type }) =>
      typesEqual(type, TIMESTAMP) ? 'time' : typesEqual(type, STRING) ? 'text' : 'bytes',
    );
    this.starts = new Int32Array(fields.length);
    this.ends = new Int32Array(fields.length);
    this.times = new Float64Array(fields.length);
    this.#dateSlot = fields.findIndex(({ name }) => name === spec.dateFrom);
  }

  /** Finds the fields of a record; of headers with the same name the last one counts. */
  open(record: KafkaRecord): void {
    const cursor = this.#cursor;
    const { memory } = record;
    if (memory !== this.memory) {
      this.memory = memory;
      this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    }
    cursor.memory = memory;
    cursor.at = record.at;
    this.offset = record.offset;
    this.timestampMs = record.timestampMs;
    this.keyEnd = this.#pass();
    this.keyStart = this.#start;
    this.valueEnd = this.#pass();
    this.valueStart = this.#start;
    this.ends.fill(ABSENT);
    const count = cursor.varint();
    for (let place = 0; place < count; place += 1) {
      const nameEnd = this.#pass();
      const slot = this.#slotOf(this.#start, Math.max(this.#start, nameEnd), place);
      const end = this.#pass();
      if (slot < 0) continue;
      this.starts[slot] = this.#start;
      this.ends[slot] = end;
    }
  }

  /** Of the field that was passed last. */
  #start = 0;

  /** Passes a field, and answers with its end. */
  #pass(): number {
    const cursor = this.#cursor;
    const length = cursor.varint();
    this.#start = cursor.at;
    if (length < 0) return ABSENT;
    cursor.at += length;
    return cursor.at;
  }

  /** Reads what the headers say; what is wrong with them. */
  check(): MessageFault | null {
    const { memory, starts, ends, times } = this;
    for (let slot = 0; slot < this.#kinds.length; slot += 1) {
      const start = starts[slot] ?? 0;
      const end = ends[slot] ?? ABSENT;
      const kind = this.#kinds[slot];
      if (kind === 'time') {
        const micros = end < 0 ? Number.NaN : this.#time.read(memory, start, end);
        times[slot] = micros;
        if (end >= 0 && Number.isNaN(micros)) {
          return this.#bad(slot, 'is not a time (ISO 8601) within 285 years of 1970');
        }
      } else if (kind === 'text' && end >= 0 && !isText(memory, this.view, start, end)) {
        return this.#bad(slot, 'is not UTF-8');
      }
    }
    const micros = this.#dateSlot < 0 ? Number.NaN : (times[this.#dateSlot] ?? Number.NaN);
    this.date = Number.isNaN(micros) ? null : Math.floor(micros / MICROS_PER_DAY);
    return null;
  }

  #bad(slot: number, why: string): MessageFault {
    const { name } = present(this.#spec.headers.fields[slot], 'a header of the job');
    return fault('MESSAGE_BAD_HEADER', `the header ${name} ${why}`);
  }

  #slotOf(start: number, end: number, place: number): number {
    const guess = this.#guesses[place];
    if (guess !== undefined && isName(guess, this.view, start, end)) return guess.slot;
    const name = this.memory.slice(start, end);
    const view = new DataView(name.buffer);
    const slot = this.#names.findIndex((known) => Buffer.compare(known, name) === 0);
    this.#guesses[place] = { view, length: name.length, slot };
    return slot;
  }
}

type HeaderKind = 'time' | 'text' | 'bytes';

interface Guess {
  /** Of the name's bytes. */
  readonly view: DataView;
  /** Of the name: that of a view is a call. */
  readonly length: number;
  readonly slot: number;
}

function isName(
  { view: other, length }: Guess,
  view: DataView,
  start: number,
  end: number,
): boolean {
  if (length !== end - start) return false;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    if (view.getInt32(start + at) !== other.getInt32(at)) return false;
  }
  for (; at < length; at += 1) if (view.getUint8(start + at) !== other.getUint8(at)) return false;
  return true;
}

function isText(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
  let seen = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) seen |= view.getInt32(at);
  for (; at < end; at += 1) seen |= view.getUint8(at);
  return (seen & NOT_ASCII) === 0 || isUtf8(bytes.subarray(start, end));
}
