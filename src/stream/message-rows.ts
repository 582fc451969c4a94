/** The rows of messages: what the broker says of each, its headers by name, and its payload. */

import type { Data, Table } from 'apache-arrow';

import { present } from '../base/index.ts';
import { arrowSchemaOf } from '../parquet/index.ts';
import { type DataType, TIMESTAMP, typesEqual } from '../schema/index.ts';
import {
  type ArrowModule,
  BytesColumn,
  IntegerColumn,
  LongColumn,
  repeatedInteger,
  repeatedText,
} from './message-columns.ts';
import { type EnvelopeSpec, envelopeSchema, messageField } from './message-envelope.ts';
import type { TopicPartition } from './kafka/types.ts';
import type { MessageFault } from './message-fault.ts';
import type { MessageFields, MessageValue } from './message-fields.ts';

/** A column of payloads. */
export interface Payload {
  readonly name: string;
  readonly type: DataType;
  readonly data: Data;
}

/** The payload's columns: what a message's value becomes. */
export interface PayloadColumns {
  /** Adds one row, or leaves the columns as they were and says why. */
  append(value: MessageValue): MessageFault | null;
  /** Drops the rows. */
  forget(): void;
  /** Hands the rows over, whose memory is valid until the next `append`, and begins again; null where they have no column. */
  finish(): Promise<Payload | null>;
}

export interface MessageRowsSpec extends EnvelopeSpec {
  /** Columns that the rows do not hold, because the folder that they go to says them. */
  readonly omit: ReadonlySet<string>;
}

/** Rows of one partition after another, all with the payload of one schema. */
export class MessageRows {
  readonly #arrow: ArrowModule;
  readonly #spec: MessageRowsSpec;
  readonly #payload: PayloadColumns;
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
    this.#headers = spec.headers.fields.map(({ type }) =>
      typesEqual(type, TIMESTAMP) ? new LongColumn() : new BytesColumn(),
    );
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Adds a message whose headers are good; says why where its payload makes no row. */
  append(message: MessageFields): MessageFault | null {
    const bad = this.#payload.append(message);
    if (bad !== null) return bad;
    const { memory, view, starts, ends, times } = message;
    this.#offsets.append(message.offset);
    this.#timestamps.append(message.timestampMs * 1000);
    this.#keys.append(memory, view, message.keyStart, message.keyEnd);
    for (let slot = 0; slot < this.#headers.length; slot += 1) {
      const column = this.#headers[slot];
      if (column instanceof BytesColumn) {
        column.append(memory, view, starts[slot] ?? 0, ends[slot] ?? -1);
      } else column?.append(times[slot] ?? Number.NaN);
    }
    this.#dates.append(message.date);
    this.#rowCount += 1;
    return null;
  }

  /** Hands over the rows, all of one partition, and begins again; their memory is valid until the next `append`. */
  async finish({ topic, partition }: TopicPartition): Promise<MessageTable> {
    const payload = await this.#payload.finish();
    const envelope = envelopeSchema(this.#spec).fields;
    const last = payload === null ? [] : [messageField(payload.name, payload.type)];
    const schema = await arrowSchemaOf({ kind: 'struct', fields: [...envelope, ...last] });
    const arrow = this.#arrow;
    const rows = this.#rowCount;
    this.#rowCount = 0;
    const columns = [
      repeatedText(topic, rows),
      repeatedInteger(partition, rows),
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
    const own = schema.fields.flatMap(({ name, nullable }, index) => {
      const column = present(data[index], 'the data of a column');
      // A column that repeats is a dictionary of its type.
      return this.#spec.omit.has(name)
        ? []
        : [{ column, field: new arrow.Field(name, column.type, nullable) }];
    });
    const fields = own.map(({ field }) => field);
    const struct = new arrow.Struct(fields);
    const batch = new arrow.Data(
      struct,
      0,
      rows,
      0,
      {},
      own.map(({ column }) => column),
    );
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
