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
  /** Of the header at each place of the list last time: messages mostly have the same headers. */
  readonly #heads: HeaderHead[] = [];
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
    this.offset = record.offset;
    this.timestampMs = record.timestampMs;
    let at = cursor.pass(record.at);
    this.keyStart = cursor.start;
    this.keyEnd = cursor.start < 0 ? ABSENT : at;
    at = cursor.pass(at);
    this.valueStart = cursor.start;
    this.valueEnd = cursor.start < 0 ? ABSENT : at;
    const { starts, ends } = this;
    for (let slot = 0; slot < ends.length; slot += 1) ends[slot] = ABSENT;
    cursor.at = at;
    const count = cursor.varint();
    at = cursor.at;
    for (let place = 0; place < count; place += 1) {
      let head = this.#heads[place];
      if (head === undefined || !isAt(head, this, at)) head = this.#learn(place, at);
      at = cursor.pass(at + head.length);
      const { slot } = head;
      if (slot < 0) continue;
      starts[slot] = cursor.start;
      ends[slot] = cursor.start < 0 ? ABSENT : at;
    }
  }

  /** Reads what the headers say; what is wrong with them. */
  check(): MessageFault | null {
    const { memory, starts, ends, times } = this;
    for (let slot = 0; slot < this.#kinds.length; slot += 1) {
      const start = starts[slot] ?? 0;
      const end = ends[slot] ?? ABSENT;
      const kind = this.#kinds[slot];
      if (kind === 'time') {
        const micros = end < 0 ? Number.NaN : this.#time.read(this, start, end);
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

  /** The head of the header at `at`, from now on that of its place. */
  #learn(place: number, at: number): HeaderHead {
    const cursor = this.#cursor;
    const end = cursor.pass(at);
    const name = this.memory.slice(cursor.start < 0 ? end : cursor.start, end);
    const slot = this.#names.findIndex((known) => Buffer.compare(known, name) === 0);
    const bytes = this.memory.slice(at, end);
    const head = { view: new DataView(bytes.buffer), length: bytes.length, slot };
    this.#heads[place] = head;
    return head;
  }
}

type HeaderKind = 'time' | 'text' | 'bytes';

/** What a header begins with. */
interface HeaderHead {
  /** Of the length of its name, and the name. */
  readonly view: DataView;
  /** In bytes: that of a view is a call. */
  readonly length: number;
  /** Of its column; below 0 for none. */
  readonly slot: number;
}

/** Whether a header at `at` begins so. */
function isAt(
  { view: head, length }: HeaderHead,
  { memory, view }: Pick<MessageFields, 'memory' | 'view'>,
  at: number,
): boolean {
  if (at + length > memory.length) return false;
  if (length < 4) {
    for (let place = 0; place < length; place += 1) {
      if (view.getUint8(at + place) !== head.getUint8(place)) return false;
    }
    return true;
  }
  // The last word may take in some bytes of the one before.
  const last = length - 4;
  for (let place = 0; place < last; place += 4) {
    if (view.getInt32(at + place) !== head.getInt32(place)) return false;
  }
  return view.getInt32(at + last) === head.getInt32(last);
}

function isText(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
  let seen = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) seen |= view.getInt32(at);
  for (; at < end; at += 1) seen |= view.getUint8(at);
  return (seen & NOT_ASCII) === 0 || isUtf8(bytes.subarray(start, end));
}
