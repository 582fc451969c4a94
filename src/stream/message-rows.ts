/** The rows of messages: what the broker says of each, its headers by name, and its payload. */

import { isUtf8 } from 'node:buffer';

import type { Data, Table } from 'apache-arrow';

import { present } from '../base/index.ts';
import { arrowSchemaOf } from '../parquet/index.ts';
import { type DataType, readTimestamp, STRING, TIMESTAMP, typesEqual } from '../schema/index.ts';
import type { KafkaRecord } from './kafka/types.ts';
import { type ArrowModule, BytesColumn, IntegerColumn, LongColumn } from './message-columns.ts';
import { type EnvelopeSpec, envelopeSchema, messageField } from './message-envelope.ts';

/** Why a message makes no row. */
export interface MessageFault {
  readonly code: string;
  readonly reason: string;
}

/** The code of a fault that says nothing of the message: the columns are to be finished first. */
export const BATCH_FULL = 'AVRO_BATCH_FULL';

/** A column of payloads. */
export interface Payload {
  readonly name: string;
  readonly type: DataType;
  readonly data: Data;
}

/** The payload's columns: what a message's value becomes. */
export interface PayloadColumns {
  /** Adds one row, or leaves the columns as they were and says why. */
  append(value: Uint8Array | null): MessageFault | null;
  /** Drops the rows. */
  forget(): void;
  /** Hands the rows over and begins again; null where they have no column. */
  finish(): Promise<Payload | null>;
}

/** What makes a row, beside the headers; its bytes are the record's. */
export type Message = Pick<KafkaRecord, 'offset' | 'timestampMs' | 'key' | 'value'>;

/** The headers of one message by the place of their column; used again for the next. */
export class HeaderReader {
  readonly #spec: EnvelopeSpec;
  readonly #names: readonly Uint8Array[];
  readonly #kinds: readonly ('time' | 'text' | 'bytes')[];
  /** Which column the header at a place of the list was last time: messages mostly have the same headers. */
  readonly #guess: { readonly name: Uint8Array; readonly slot: number }[] = [];
  readonly values: (Uint8Array | null)[];
  /** Of timestamps, microseconds since the epoch. */
  readonly times: (number | null)[];
  /** Days since the epoch. */
  date: number | null = null;
  readonly #dateSlot: number;

  constructor(spec: EnvelopeSpec) {
    this.#spec = spec;
    const { fields } = spec.headers;
    this.#names = fields.map(({ name }) => Buffer.from(name, 'utf8'));
    this.#kinds = fields.map(({ type }) =>
      typesEqual(type, TIMESTAMP) ? 'time' : typesEqual(type, STRING) ? 'text' : 'bytes',
    );
    this.values = fields.map(() => null);
    this.times = fields.map(() => null);
    this.#dateSlot = fields.findIndex(({ name }) => name === spec.dateFrom);
  }

  /** Reads the headers of a message; the last one of a name counts. */
  read(headers: KafkaRecord['headers']): MessageFault | null {
    const { values } = this;
    values.fill(null);
    for (let place = 0; place < headers.length; place += 1) {
      const header = headers[place];
      if (header === undefined) break;
      const slot = this.#slotOf(header[0], place);
      if (slot >= 0) values[slot] = header[1];
    }
    return this.#check();
  }

  #check(): MessageFault | null {
    for (let slot = 0; slot < this.#kinds.length; slot += 1) {
      const value = this.values[slot] ?? null;
      const kind = this.#kinds[slot];
      if (value === null) this.times[slot] = null;
      else if (kind === 'time') {
        const micros = readMicros(value);
        if (micros === null) return this.#bad(slot, 'is not a time (ISO 8601)');
        this.times[slot] = micros;
      } else if (kind === 'text' && !isText(value)) return this.#bad(slot, 'is not UTF-8');
    }
    const micros = this.#dateSlot < 0 ? null : (this.times[this.#dateSlot] ?? null);
    this.date = micros === null ? null : Math.floor(micros / MICROS_PER_DAY);
    return null;
  }

  #bad(slot: number, why: string): MessageFault {
    const { name } = present(this.#spec.headers.fields[slot], 'a header of the job');
    return fault('MESSAGE_BAD_HEADER', `the header ${name} ${why}`);
  }

  #slotOf(name: Uint8Array, place: number): number {
    const guess = this.#guess[place];
    // A name that is the very object of before is the same name.
    if (guess?.name === name || (guess !== undefined && sameBytes(guess.name, name))) {
      return guess.slot;
    }
    const slot = this.#names.findIndex((known) => sameBytes(known, name));
    this.#guess[place] = { name: Uint8Array.from(name), slot };
    return slot;
  }
}

export interface MessageRowsSpec extends EnvelopeSpec {
  readonly topic: string;
  readonly partition: number;
  /** Columns that the rows do not hold, because the folder that they go to says them. */
  readonly omit: ReadonlySet<string>;
}

/** Rows of one partition, all with the payload of one schema. */
export class MessageRows {
  readonly #arrow: ArrowModule;
  readonly #spec: MessageRowsSpec;
  readonly #payload: PayloadColumns;
  readonly #topic: Uint8Array;
  readonly #topics = new BytesColumn();
  readonly #partitions = new IntegerColumn();
  readonly #offsets = new LongColumn();
  readonly #timestamps = new LongColumn();
  readonly #keys = new BytesColumn();
  readonly #headers: readonly (BytesColumn | LongColumn)[];
  readonly #dates = new IntegerColumn();
  #rowCount = 0;

  constructor(arrow: ArrowModule, spec: MessageRowsSpec, payload: PayloadColumns) {
    this.#arrow = arrow;
    this.#spec = spec;
    this.#payload = payload;
    this.#topic = Buffer.from(spec.topic, 'utf8');
    this.#headers = spec.headers.fields.map(({ type }) =>
      typesEqual(type, TIMESTAMP) ? new LongColumn() : new BytesColumn(),
    );
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Adds a message whose headers were just read; says why where its payload makes no row. */
  append(message: Message, headers: HeaderReader): MessageFault | null {
    const bad = this.#payload.append(message.value);
    if (bad !== null) return bad;
    this.#topics.append(this.#topic);
    this.#partitions.append(this.#spec.partition);
    this.#offsets.append(message.offset);
    this.#timestamps.append(message.timestampMs * 1000);
    this.#keys.append(message.key);
    for (let slot = 0; slot < this.#headers.length; slot += 1) {
      const column = this.#headers[slot];
      if (column instanceof LongColumn) column.append(headers.times[slot] ?? null);
      else column?.append(headers.values[slot] ?? null);
    }
    this.#dates.append(headers.date);
    this.#rowCount += 1;
    return null;
  }

  /** Hands the rows over and begins again. */
  async finish(): Promise<MessageTable> {
    const payload = await this.#payload.finish();
    const envelope = envelopeSchema(this.#spec).fields;
    const own = payload === null ? [] : [messageField(payload.name, payload.type)];
    const schema = await arrowSchemaOf({ kind: 'struct', fields: [...envelope, ...own] });
    const arrow = this.#arrow;
    const columns = [
      this.#topics,
      this.#partitions,
      this.#offsets,
      this.#timestamps,
      this.#keys,
      ...this.#headers,
      ...(this.#spec.dateFrom === null ? [] : [this.#dates]),
    ];
    const data = columns.map((column, index) =>
      column.finish(arrow, present(schema.fields[index], 'a column').type),
    );
    if (payload !== null) data.push(payload.data);
    const isKept = (_: unknown, index: number): boolean =>
      !this.#spec.omit.has(schema.fields[index]?.name ?? '');
    const fields = schema.fields.filter(isKept);
    const rows = this.#rowCount;
    this.#rowCount = 0;
    const struct = new arrow.Struct(fields);
    const batch = new arrow.Data(struct, 0, rows, 0, {}, data.filter(isKept));
    const table = new arrow.Table(new arrow.RecordBatch(new arrow.Schema(fields), batch));
    return { table, payload: payload?.type ?? null };
  }
}

/** Rows of messages; the last column is their payload. */
export interface MessageTable {
  readonly table: Table;
  /** Null where there is no column for it. */
  readonly payload: DataType | null;
}

export function fault(code: string, reason: string): MessageFault {
  return { code, reason };
}

const MICROS_PER_DAY = 86_400_000_000;

/** Microseconds since the epoch of an ISO-8601 text; without a zone it is UTC. Null where it is none. */
function readMicros(value: Uint8Array): number | null {
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
  const time = readTimestamp(text);
  const micros = time === null ? Number.NaN : Number(time.micros);
  return Number.isSafeInteger(micros) ? micros : null;
}

function isText(value: Uint8Array): boolean {
  for (let index = 0; index < value.length; index += 1) {
    if ((value[index] ?? 0) >= 0x80) return isUtf8(value);
  }
  return true;
}

function sameBytes(left: Uint8Array | undefined, right: Uint8Array): boolean {
  if (left?.length !== right.length) return false;
  for (let index = 0; index < left.length; index += 1) {
    if (left[index] !== right[index]) return false;
  }
  return true;
}
