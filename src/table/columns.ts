/** Changes of columns that leave every file as it is. */

import { printSchema, type StructType, type DataType, widenColumn } from '../schema/index.ts';
import { alter, type AlterResult, differences } from './alter.ts';
import { completed } from './description.ts';
import { columnChangeInvalid } from './errors.ts';
import type { Snapshot, TableContext } from './types.ts';

/**
 * Gives a column a wider type, which needs `delta.enableTypeWidening`; its files are read as before. `element`, `key` and
 * `value` go into lists and maps: `tags.element`. Errors: `COLUMN_CHANGE_INVALID`, those of `commitTransaction`.
 */
export async function widenType(
  ctx: TableContext,
  snapshot: Snapshot,
  { column, type }: { readonly column: string; readonly type: DataType },
): Promise<AlterResult> {
  return alter(ctx, snapshot, (latest) => {
    const schema = widenColumn(latest.schema, column.split('.'), type);
    if (typeof schema === 'string') throw columnChangeInvalid(column, schema);
    checkEnabled(latest, schema, column);
    const metadata = { ...latest.metadata, schemaString: printSchema(schema) };
    const described = { protocol: latest.protocol, metadata };
    return {
      operation: 'CHANGE COLUMN',
      operationParameters: { column, type: printSchema(type) },
      actions:
        schema === latest.schema
          ? []
          : differences(latest, completed(described, { before: latest, random: ctx.random })),
    };
  });
}

function checkEnabled(latest: Snapshot, schema: StructType, column: string): void {
  if (schema === latest.schema) return;
  if (latest.metadata.configuration['delta.enableTypeWidening']?.toLowerCase() === 'true') return;
  throw columnChangeInvalid(column, 'set delta.enableTypeWidening to true first');
}
