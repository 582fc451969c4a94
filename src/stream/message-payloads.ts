/** What the values of messages become: raw bytes, rows from JSON, rows from Avro by a registry of schemas. */

import {
  type AvroDecoder,
  type AvroSchema,
  compileDecoder,
  openEnvelope,
  type SchemaRegistry,
} from '../avro/index.ts';
import { assert, isDeltaError, messageOf, present } from '../base/index.ts';
import { rowCheck, rowsToArrow } from '../parquet/index.ts';
import { asNullable, BINARY, evolveSchema, type Row, type StructType } from '../schema/index.ts';
import { jsonToRow, parseJsonLine } from '../table/index.ts';
import { type ArrowModule, BytesColumn } from './message-columns.ts';
import { PAYLOAD_COLUMN, VALUE_COLUMN } from './message-envelope.ts';
import { BATCH_FULL, fault, type MessageFault } from './message-fault.ts';
import { type MessageValue, valueOf } from './message-fields.ts';
import type { Payload, PayloadColumns } from './message-rows.ts';

/** Makes the columns of payloads. A slot is a schema: rows of one slot have the same columns. */
export interface Payloads {
  /** The slot of a value, or why it has none; null where that has to be learned first. */
  slotOf(value: MessageValue): number | MessageFault | null;
  /** Learns it. Errors: those of the registry. */
  learn(value: MessageValue): Promise<number | MessageFault>;
  /** New columns for rows of a slot. */
  columns(slot: number): PayloadColumns | Promise<PayloadColumns>;
}

/** Values as they are, in the column `value`. */
export async function rawPayloads(): Promise<Payloads> {
  const arrow = await import('apache-arrow');
  return {
    slotOf: () => 0,
    learn: () => Promise.resolve(0),
    columns: () => new RawColumns(arrow),
  };
}

/** JSON objects, by the columns of `schema`; members that are no column are left out. */
export async function jsonPayloads(schema: StructType): Promise<Payloads> {
  const check = await rowCheck(schema);
  return {
    slotOf: () => 0,
    learn: () => Promise.resolve(0),
    columns: () => new JsonColumns(schema, check),
  };
}

/** Avro in Confluent's envelope. */
export function avroPayloads(registry: SchemaRegistry): Payloads {
  return new AvroPayloads(registry);
}

class RawColumns implements PayloadColumns {
  readonly #arrow: ArrowModule;
  readonly #values = new BytesColumn();
  #memory: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(arrow: ArrowModule) {
    this.#arrow = arrow;
  }

  append(value: MessageValue): MessageFault | null {
    const { memory, valueStart, valueEnd } = value;
    if (!this.#values.hasRoomFor(valueEnd - valueStart))
      return fault(BATCH_FULL, 'the column is full');
    if (memory !== this.#memory) {
      this.#memory = memory;
      this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    }
    this.#values.append(memory, this.#view, valueStart, valueEnd);
    return null;
  }

  forget(): void {
    this.#values.finish(this.#arrow, new this.#arrow.Binary());
  }

  finish(): Promise<Payload | null> {
    const data = this.#values.finish(this.#arrow, new this.#arrow.Binary());
    return Promise.resolve({ name: VALUE_COLUMN, type: BINARY, data });
  }
}

class JsonColumns implements PayloadColumns {
  readonly #schema: StructType;
  readonly #check: (row: Row) => string | null;
  #rows: Row[] = [];

  constructor(schema: StructType, check: (row: Row) => string | null) {
    this.#schema = asNullableStruct(schema);
    this.#check = check;
  }

  append(value: MessageValue): MessageFault | null {
    const bytes = valueOf(value);
    if (bytes === null) {
      this.#rows.push({ [PAYLOAD_COLUMN]: null });
      return null;
    }
    const parsed = parseJsonLine(bytes);
    if (parsed.kind !== 'object') {
      const reason = parsed.kind === 'bad' ? parsed.reason : 'the value is empty';
      return fault('JSON_BAD_VALUE', reason.replace('the line', 'the value'));
    }
    const row = jsonToRow(parsed, this.#schema.fields, 'drop');
    const bad = this.#check(row);
    if (bad !== null) return fault('JSON_BAD_VALUE', bad);
    this.#rows.push({ [PAYLOAD_COLUMN]: row });
    return null;
  }

  forget(): void {
    this.#rows = [];
  }

  async finish(): Promise<Payload | null> {
    const rows = this.#rows;
    this.#rows = [];
    const table = await rowsToArrow(wrap(this.#schema), rows);
    const data = present(table.batches[0]?.data.children[0], 'the column of the payload');
    return { name: PAYLOAD_COLUMN, type: this.#schema, data };
  }
}

/** A schema of the registry, or why its messages are not read. */
type Known =
  | { readonly kind: 'schema'; readonly schema: AvroSchema; readonly reader: AvroSchema | null }
  | { readonly kind: 'bad'; readonly fault: MessageFault };

class AvroPayloads implements Payloads {
  readonly #registry: SchemaRegistry;
  readonly #known = new Map<number, Known>();
  /** The columns of all schemas so far, and the schema that came last. */
  #columns: StructType | null = null;
  #latest: AvroSchema | null = null;

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  slotOf(value: MessageValue): number | MessageFault | null {
    const { memory, valueStart, valueEnd } = value;
    if (valueEnd < 0) return this.#anySlot();
    const envelope = openEnvelope(memory, valueStart, valueEnd);
    if ('code' in envelope) return envelope;
    const known = this.#known.get(envelope.schemaId);
    if (known === undefined) return null;
    return known.kind === 'schema' ? envelope.schemaId : known.fault;
  }

  async learn(value: MessageValue): Promise<number | MessageFault> {
    const { memory, valueStart, valueEnd } = value;
    if (valueEnd < 0) return this.#anySlot();
    const envelope = openEnvelope(memory, valueStart, valueEnd);
    if ('code' in envelope) return envelope;
    const { schemaId } = envelope;
    const known = await this.#learn(schemaId);
    this.#known.set(schemaId, known);
    return known.kind === 'schema' ? schemaId : known.fault;
  }

  async columns(slot: number): Promise<PayloadColumns> {
    if (slot === NO_SCHEMA) return NOTHING;
    const known = this.#known.get(slot);
    assert(known?.kind === 'schema', 'columns are asked for by the slot of a schema');
    const { schema, reader } = known;
    return new AvroColumns(await compileDecoder(schema, reader === null ? {} : { reader }));
  }

  /** A row without a payload fits the columns of any schema. */
  #anySlot(): number {
    for (const [id, { kind }] of this.#known) if (kind === 'schema') return id;
    return NO_SCHEMA;
  }

  async #learn(id: number): Promise<Known> {
    let schema: AvroSchema;
    try {
      schema = await this.#registry.schemaById(id);
    } catch (error) {
      // What the registry does not know, or nobody can read, is wrong with these messages alone.
      if (!isDeltaError(error) || !NO_READING.has(error.code)) throw error;
      return { kind: 'bad', fault: fault(error.code, error.message) };
    }
    return this.#fit(id, schema);
  }

  /** Columns of a schema that do not go with those before are read as the latest schema has them. */
  async #fit(id: number, schema: AvroSchema): Promise<Known> {
    for (const reader of [null, this.#latest]) {
      try {
        const { schema: type } = await compileDecoder(schema, reader === null ? {} : { reader });
        const columns = asNullableStruct(type);
        const evolution = evolveSchema(this.#columns ?? columns, columns, 'add');
        if (evolution.kind === 'refused') continue;
        this.#columns = evolution.schema;
        if (reader === null) this.#latest = schema;
        return { kind: 'schema', schema, reader };
      } catch (error) {
        if (!isDeltaError(error)) throw error;
        if (reader !== null || this.#latest === null) {
          return { kind: 'bad', fault: fault(error.code, messageOf(error)) };
        }
      }
    }
    const reason = `the columns of schema ${id} do not go with those of the schemas before it`;
    return { kind: 'bad', fault: fault('AVRO_INCOMPATIBLE', reason) };
  }
}

class AvroColumns implements PayloadColumns {
  readonly #decoder: AvroDecoder;
  readonly #type: StructType;

  constructor(decoder: AvroDecoder) {
    this.#decoder = decoder;
    this.#type = asNullableStruct(decoder.schema);
    decoder.start();
  }

  append(value: MessageValue): MessageFault | null {
    const { memory, valueStart, valueEnd } = value;
    if (valueEnd < 0) return this.#decoder.appendNull();
    return this.#decoder.append(memory, valueStart + ENVELOPE_BYTES, valueEnd);
  }

  forget(): void {
    this.#decoder.start();
  }

  finish(): Promise<Payload | null> {
    const data = this.#decoder.finish();
    return Promise.resolve({ name: PAYLOAD_COLUMN, type: this.#type, data });
  }
}

/** No schema has such an id. */
const NO_SCHEMA = -1;
/** Rows without a payload, where no schema is known yet: they have no column for it. */
const NOTHING: PayloadColumns = {
  append: () => null,
  forget: () => {},
  finish: () => Promise.resolve(null),
};

const ENVELOPE_BYTES = 5;

function asNullableStruct(schema: StructType): StructType {
  const type = asNullable(schema);
  assert(type.kind === 'struct', 'a struct stays one');
  return type;
}

function wrap(schema: StructType): StructType {
  const field = { name: PAYLOAD_COLUMN, type: schema, nullable: true, metadata: {} };
  return { kind: 'struct', fields: [field] };
}

/** Errors of the registry and of schemas that concern the messages of one schema, and not the run. */
const NO_READING: ReadonlySet<string> = new Set([
  'REGISTRY_UNKNOWN_ID',
  'AVRO_BAD_SCHEMA',
  'AVRO_RECURSIVE',
  'AVRO_NOT_RECORD',
  'AVRO_NO_COLUMN',
  'AVRO_SCHEMA_TOO_LARGE',
  'REGISTRY_NOT_AVRO',
]);
