/** Changes of columns that leave every file as it is. */

import { type JsonValue, parseJson, printJson, type Random } from '../base/index.ts';
import {
  addColumn,
  asNullable,
  changeColumn,
  checkColumnNames,
  type ColumnPosition,
  type DataType,
  DEFAULT,
  dropColumn,
  fieldAt,
  findField,
  GENERATION,
  isIdentity,
  mappingMode,
  parseExpression,
  printSchema,
  type StructField,
  type StructType,
  widenColumn,
} from '../schema/index.ts';
import { alter, type AlterResult, type Alteration, differences } from './alter.ts';
import { checkBoundsStay } from './clustering.ts';
import { isClusteredBy, usesOfName, usesOfValues } from './column-uses.ts';
import { completed } from './description.ts';
import { columnChangeInvalid } from './errors.ts';
import { advanced, identitiesOf } from './ops/column-fills.ts';
import { countGiven } from './ops/given-identities.ts';
import { checkMadeColumns } from './ops/made-columns.ts';
import { checkNotNull } from './ops/not-null.ts';
import type { Snapshot, TableContext } from './types.ts';

export interface NewColumn {
  /** A name, or the path of a field: `address.zip`, `lines.element.tax`. */
  readonly column: string;
  /** Nullable at every level, as there are rows without it. */
  readonly type: DataType;
  readonly comment?: string;
  /** Among the columns beside it. Default: last. */
  readonly position?: ColumnPosition;
}

/** Adds columns, in one commit. Errors: `COLUMN_CHANGE_INVALID`, those of column names, those of `commitTransaction`. */
export async function addColumns(
  ctx: TableContext,
  snapshot: Snapshot,
  columns: readonly NewColumn[],
): Promise<AlterResult> {
  return alter(ctx, snapshot, (latest) => {
    let { schema } = latest;
    for (const { column, type, comment, position } of columns) {
      const path = pathOf(column);
      const field = {
        name: path.at(-1) ?? '',
        type: asNullable(type),
        nullable: true,
        metadata: comment === undefined ? {} : { comment },
      };
      schema = edited(column, addColumn(schema, path.slice(0, -1), field, position));
    }
    const names = columns.map(({ column, type }) => ({
      column,
      type: parseJson(printSchema(type)),
    }));
    return {
      operation: 'ADD COLUMNS',
      operationParameters: { columns: printJson(names) },
      actions: describedBy(ctx, latest, schema),
    };
  });
}

/**
 * Drops columns, in one commit; their values stay in files, where nobody reads them. Needs column mapping. Errors:
 * `COLUMN_CHANGE_INVALID`, also for what partitions, clustering, constraints and generated columns rest on; those of `commitTransaction`.
 */
export async function dropColumns(
  ctx: TableContext,
  snapshot: Snapshot,
  columns: readonly string[],
): Promise<AlterResult> {
  return alter(ctx, snapshot, (latest) => {
    let { schema } = latest;
    for (const column of columns) {
      const path = pathOf(column);
      checkMapped(latest, column, 'dropped');
      checkUnused(latest, column, path);
      checkNoLayout(latest, column, path);
      schema = edited(column, dropColumn(schema, path));
      if (schema.fields.every(({ name }) => latest.partitionColumns.includes(name))) {
        throw columnChangeInvalid(column, 'no column would be left for the files');
      }
    }
    return {
      operation: 'DROP COLUMNS',
      operationParameters: { columns: JSON.stringify(columns) },
      actions: describedBy(ctx, latest, schema),
    };
  });
}

/** Gives a column another name, in place. Needs column mapping. Errors as for `dropColumns`. */
export async function renameColumn(
  ctx: TableContext,
  snapshot: Snapshot,
  { column, name }: { readonly column: string; readonly name: string },
): Promise<AlterResult> {
  return alter(ctx, snapshot, (latest) => {
    const path = pathOf(column);
    checkMapped(latest, column, 'renamed');
    checkUnused(latest, column, path);
    const held = fieldAt(latest.schema, path);
    const schema = edited(
      column,
      changeColumn(latest.schema, path, (field) => ({ ...field, name })),
    );
    const partitionColumns = latest.metadata.partitionColumns.map((partition) =>
      path.length === 1 && partition === held?.name ? name : partition,
    );
    return {
      operation: 'RENAME COLUMN',
      operationParameters: {
        oldColumnPath: column,
        newColumnPath: [...path.slice(0, -1), name].join('.'),
      },
      actions: held?.name === name ? [] : describedBy(ctx, latest, schema, { partitionColumns }),
    };
  });
}

export interface ColumnChange {
  readonly column: string;
  /** Null takes it away. */
  readonly comment?: string | null;
  /** False holds all rows to it, those that are there too. */
  readonly nullable?: boolean;
  /** Spark's SQL without columns: what rows have that come from now on and do not bring the column. Null takes it away. */
  readonly default?: string | null;
  readonly position?: ColumnPosition;
}

/**
 * Changes what is told of a column: its comment, its default, its place, whether it may be null. Errors: `COLUMN_CHANGE_INVALID`,
 * `RULE_UNSUPPORTED` for a default that cannot be evaluated here, `RULE_VIOLATED` (data) for a row that has a null there; those of
 * `commitTransaction`.
 */
export async function changeColumnOf(
  ctx: TableContext,
  snapshot: Snapshot,
  { column, comment, nullable, default: value, position }: ColumnChange,
): Promise<AlterResult> {
  return alter(ctx, snapshot, async (latest): Promise<Alteration> => {
    const path = pathOf(column);
    const change = (field: StructField): StructField => ({
      ...field,
      nullable: nullable ?? field.nullable,
      metadata: withMember(withMember(field.metadata, 'comment', comment), DEFAULT, value),
    });
    if (value !== undefined) checkTakesDefault(latest, column, path);
    const schema = edited(column, changeColumn(latest.schema, path, change, position));
    if (typeof value === 'string') checkMadeColumns(schema, latest.metadata);
    const before = fieldAt(latest.schema, path);
    const isStricter = before?.nullable === true && nullable === false;
    if (isStricter) await checkNotNull(ctx, latest, { schema, column: path[0] ?? '' });
    return {
      operation: 'CHANGE COLUMN',
      operationParameters: { column: printJson(fieldText(column, fieldAt(schema, path))) },
      actions: describedBy(ctx, latest, schema),
      restsOnVersion: isStricter,
    };
  });
}

/**
 * Gives a column a wider type, which needs `delta.enableTypeWidening`; its files are read as before. `element`, `key` and
 * `value` go into lists and maps: `tags.element`. Errors: `COLUMN_CHANGE_INVALID`, also for what constraints and generated columns
 * are computed from; those of `commitTransaction`.
 */
export async function widenType(
  ctx: TableContext,
  snapshot: Snapshot,
  { column, type }: { readonly column: string; readonly type: DataType },
): Promise<AlterResult> {
  return alter(ctx, snapshot, (latest) => {
    const path = pathOf(column);
    const schema = widenColumn(latest.schema, path, type);
    if (typeof schema === 'string') throw columnChangeInvalid(column, schema);
    checkEnabled(latest, schema, column);
    if (schema !== latest.schema) checkUses(column, usesOfValues(latest, path));
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

/**
 * Lets an identity column go on behind all values that rows have, those too that they brought themselves; it never goes back.
 * Errors: `COLUMN_CHANGE_INVALID`, `IDENTITY_EXHAUSTED`, those of `scan` and of `commitTransaction`.
 */
export async function syncIdentity(
  ctx: TableContext,
  snapshot: Snapshot,
  column: string,
): Promise<AlterResult> {
  return alter(ctx, snapshot, async (latest): Promise<Alteration> => {
    const held = fieldAt(latest.schema, pathOf(column));
    const identity = identitiesOf(latest.schema).find(({ field }) => field === held);
    if (identity === undefined) throw columnChangeInvalid(column, 'it is no identity column');
    const after = advanced(latest, [identity], await countGiven(ctx, latest, identity));
    return {
      operation: 'CHANGE COLUMN',
      operationParameters: {
        column: printJson(fieldText(column, findField(after.schema, identity.field.name))),
      },
      actions: differences(latest, after),
      restsOnVersion: true,
    };
  });
}

function checkEnabled(latest: Snapshot, schema: StructType, column: string): void {
  if (schema === latest.schema) return;
  if (latest.metadata.configuration['delta.enableTypeWidening']?.toLowerCase() === 'true') return;
  throw columnChangeInvalid(column, 'set delta.enableTypeWidening to true first');
}

/** The path of a column as people write it. Errors: `COLUMN_CHANGE_INVALID`, those of parsing. */
function pathOf(column: string): readonly string[] {
  const parsed = parseExpression(column);
  if (parsed.kind === 'column') return parsed.path;
  throw columnChangeInvalid(column, 'this is no name of a column; quote odd names with `');
}

function withMember(
  metadata: StructField['metadata'],
  key: string,
  value: string | null | undefined,
): StructField['metadata'] {
  if (value === undefined) return metadata;
  const { [key]: _held, ...others } = metadata;
  return value === null ? others : { ...others, [key]: value };
}

function checkTakesDefault({ schema }: Snapshot, column: string, path: readonly string[]): void {
  const field = fieldAt(schema, path);
  if (path.length > 1) throw columnChangeInvalid(column, 'only whole columns have defaults');
  if (field === null || !(typeof field.metadata[GENERATION] === 'string' || isIdentity(field)))
    return;
  throw columnChangeInvalid(column, 'the table makes its values already');
}

function edited(column: string, schema: StructType | string): StructType {
  if (typeof schema === 'string') throw columnChangeInvalid(column, schema);
  return schema;
}

function describedBy(
  { random }: { readonly random: Random },
  latest: Snapshot,
  schema: StructType,
  { partitionColumns = latest.metadata.partitionColumns } = {},
): Alteration['actions'] {
  const isMapped = mappingMode(latest.metadata.configuration) !== 'none';
  checkColumnNames(schema, { isMapped });
  const metadata = { ...latest.metadata, partitionColumns, schemaString: printSchema(schema) };
  const described = { protocol: latest.protocol, metadata };
  const after = completed(described, { before: latest, random });
  checkBoundsStay(latest, after.metadata);
  return differences(latest, after);
}

/** Without it, columns of files go by the name, which cannot change under them. */
function checkMapped({ metadata }: Snapshot, column: string, what: string): void {
  if (mappingMode(metadata.configuration) !== 'none') return;
  const cure = "set delta.columnMapping.mode to 'name' first, which leaves all files as they are";
  throw columnChangeInvalid(column, `it can only be ${what} with column mapping; ${cure}`);
}

function checkUnused(latest: Snapshot, column: string, path: readonly string[]): void {
  checkUses(column, usesOfName(latest, path));
}

function checkUses(column: string, uses: readonly string[]): void {
  if (uses.length > 0) throw columnChangeInvalid(column, `it is named by ${uses.join(', ')}`);
}

function checkNoLayout(latest: Snapshot, column: string, path: readonly string[]): void {
  const { schema, partitionColumns } = latest;
  const first = findField(schema, path[0] ?? '');
  if (path.length === 1 && first !== null && partitionColumns.includes(first.name)) {
    throw columnChangeInvalid(column, 'the table is partitioned by it');
  }
  const fields = path.flatMap((_, index) => fieldAt(schema, path.slice(0, index + 1)) ?? []);
  if (isClusteredBy(latest, fields)) {
    throw columnChangeInvalid(column, 'the table is clustered by it');
  }
}

function fieldText(column: string, field: StructField | null): JsonValue {
  if (field === null) return { name: column };
  const { type, nullable, metadata } = field;
  return { name: column, type: parseJson(printSchema(type)), nullable, metadata };
}
