/** Tables of one batch that differ in their payloads, because its schema changed on the way. */

import type { Data, DataType as ArrowType, Table } from 'apache-arrow';

import { assert, present } from '../base/index.ts';
import { arrowSchemaOf } from '../parquet/index.ts';
import { type DataType, evolveSchema, type StructType } from '../schema/index.ts';
import type { ArrowModule } from './message-columns.ts';
import { PAYLOAD_COLUMN } from './message-envelope.ts';
import { type MessageTable } from './message-rows.ts';

/** The same tables, all with the columns of all of them: what a table lacks is null there. */
export async function unify(
  files: readonly (readonly MessageTable[])[],
): Promise<readonly (readonly Table[])[]> {
  const types = new Set(files.flat().map(({ payload }) => payload));
  if (types.size <= 1) return files.map((tables) => tables.map(({ table }) => table));
  const schema = [...types].flatMap((type) => (type === null ? [] : [wrap(type)])).reduce(merged);
  const arrow = await import('apache-arrow');
  const field = present((await arrowSchemaOf(schema)).fields[0], 'the column of the payload');
  return files.map((tables) =>
    tables.map(({ table, payload }) => {
      const batches = table.batches.map(({ data }) => {
        const kept = payload === null ? data.children : data.children.slice(0, -1);
        const last = payload === null ? null : (data.children.at(-1) ?? null);
        const children = [...kept, aligned(arrow, last, field.type, data.length)];
        const fields = [...table.schema.fields.slice(0, kept.length), field];
        const struct = new arrow.Data(new arrow.Struct(fields), 0, data.length, 0, {}, children);
        return new arrow.RecordBatch(new arrow.Schema(fields), struct);
      });
      return new arrow.Table(batches);
    }),
  );
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
