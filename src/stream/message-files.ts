/** The files of a batch, all with the same columns, also where its schema changed on the way. */

import type { Data, DataType as ArrowType, Field, Table } from 'apache-arrow';

import { assert, present } from '../base/index.ts';
import {
  arrowSchemaOf,
  type Codec,
  memorySource,
  readFooter,
  readParquet,
  writeParquet,
} from '../parquet/index.ts';
import { type DataType, evolveSchema, type StructType } from '../schema/index.ts';
import type { TopicPartition } from './kafka/types.ts';
import type { ArrowModule } from './message-columns.ts';
import { PAYLOAD_COLUMN } from './message-envelope.ts';
import { type DraftPart, type FileDraft, samePayload } from './partition-rows.ts';

/** The rows of one partition, and of one date where they are split. */
export interface MessageFile extends TopicPartition {
  /** Days since the epoch; null where rows are not split, or have none. */
  readonly date: number | null;
  /** At least 1. */
  readonly rowCount: number;
  /** A Parquet file; all files of a batch have the same columns. */
  readonly bytes: Uint8Array;
}

/** Ends the files: what the rows of one lack of the columns of all is null there. */
export async function finishFiles(
  drafts: readonly FileDraft[],
  codec: Codec,
): Promise<readonly MessageFile[]> {
  const payloads = drafts.flatMap(({ parts }) => parts.map(({ payload }) => payload));
  const [first] = payloads;
  const isOne = payloads.every((payload) => samePayload(payload, first ?? null));
  const field = isOne ? null : await payloadField(payloads);
  const files: MessageFile[] = [];
  for (const { topic, partition, date, rowCount, parts } of drafts) {
    const bytes =
      field === null
        ? present(parts[0], 'the rows of a file').writer.finish()
        : await writeParquet(alignedTables(parts, field), { codec });
    files.push({ topic, partition, date, rowCount, bytes });
  }
  return files;
}

/** A column with all that the payloads have. */
async function payloadField(payloads: readonly (DataType | null)[]): Promise<Field> {
  const schema = payloads.flatMap((type) => (type === null ? [] : [wrap(type)])).reduce(merged);
  return present((await arrowSchemaOf(schema)).fields[0], 'the column of the payload');
}

/** The rows of the parts, read back from their pages. */
async function* alignedTables(parts: readonly DraftPart[], field: Field): AsyncGenerator<Table> {
  const arrow = await import('apache-arrow');
  for (const { payload, writer } of parts) {
    const source = memorySource('rows of messages', writer.finish());
    for await (const { data, schema } of readParquet(source, await readFooter(source))) {
      const kept = payload === null ? data.children : data.children.slice(0, -1);
      const last = payload === null ? null : (data.children.at(-1) ?? null);
      const children = [...kept, aligned(arrow, last, field.type, data.length)];
      const fields = [...schema.fields.slice(0, kept.length), field];
      const struct = new arrow.Data(new arrow.Struct(fields), 0, data.length, 0, {}, children);
      yield new arrow.Table(new arrow.RecordBatch(new arrow.Schema(fields), struct));
    }
  }
}

function wrap(type: DataType): StructType {
  return { kind: 'struct', fields: [{ name: PAYLOAD_COLUMN, type, nullable: true, metadata: {} }] };
}

function merged(left: StructType, right: StructType): StructType {
  const evolution = evolveSchema(left, right, 'add');
  assert(evolution.kind === 'fits', 'payloads of one batch go together');
  return evolution.schema;
}

/** The data as `type`, which has all its fields and more; nulls where there is none. */
function aligned(arrow: ArrowModule, data: Data | null, type: ArrowType, length: number): Data {
  if (data === null) return nulls(arrow, type, length);
  const { DataType } = arrow;
  if (DataType.isStruct(type)) {
    const children = type.children.map((field) => {
      const at = data.type.children.findIndex(
        ({ name }: { readonly name: string }) => name.toLowerCase() === field.name.toLowerCase(),
      );
      return aligned(arrow, data.children[at] ?? null, field.type, data.length);
    });
    return rebuilt(arrow, data, type, children);
  }
  if (DataType.isList(type) || DataType.isMap(type)) {
    const [items] = data.children;
    const [field] = type.children;
    if (items === undefined || field === undefined) return data;
    return rebuilt(arrow, data, type, [aligned(arrow, items, field.type, items.length)]);
  }
  return data;
}

function rebuilt(arrow: ArrowModule, data: Data, type: ArrowType, children: Data[]): Data {
  return new arrow.Data(type, data.offset, data.length, data.nullCount, data.buffers, children);
}

function nulls(arrow: ArrowModule, type: ArrowType, length: number): Data {
  const values = Array.from({ length }, () => null);
  return present(arrow.vectorFromArray(values, type).data[0], 'the data of a column');
}
