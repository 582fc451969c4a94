/** Columns that come, go and change, without any row being written again. */

import {
  type DataType,
  parseType,
  type Row,
  type RowValue,
  type StructField,
  type StructType,
  typeName,
} from '../../src/schema/index.ts';
import { memberOf, plainText } from './lines.ts';
import {
  done,
  isMapped,
  isOn,
  type ModelTable,
  refused,
  UNFIT,
  type Verdict,
} from './model-table.ts';
import { fieldAt, readsColumn, settled } from './model-rows.ts';
import type { ColumnStep, Path } from './program.ts';
import { fieldOf } from './values.ts';

export function changeColumns(table: ModelTable, step: ColumnStep): Verdict {
  switch (step.do) {
    case 'add column':
      return add(table, step);
    case 'drop column':
      return drop(table, step.path);
    case 'rename column':
      return rename(table, step);
    case 'widen column':
      return widen(table, step);
    case 'move column':
      return move(table, step.path);
    default:
      return setNullable(table, step);
  }
}

type StepOf<K extends ColumnStep['do']> = Extract<ColumnStep, { readonly do: K }>;

const REFUSED = refused('COLUMN_CHANGE_INVALID');

function add(table: ModelTable, { path, type, first }: StepOf<'add column'>): Verdict {
  const name = path.at(-1) ?? '';
  const siblings = siblingsOf(table.schema, path);
  if (siblings === null) return UNFIT;
  if (siblings.some((field) => sameName(field.name, name))) return REFUSED;
  const field = fieldOf(name, parseType(type));
  const schema = edited(table.schema, path, (fields) =>
    first === true ? [field, ...fields] : [...fields, field],
  );
  return done(settled({ ...table, schema }));
}

function drop(table: ModelTable, path: Path): Verdict {
  if (fieldAt(table.schema, path) === null) return UNFIT;
  const isTheLast = siblingsOf(table.schema, path)?.length === 1;
  const isLayout =
    (path.length === 1 && table.partitionBy.includes(path[0] ?? '')) ||
    table.clusterBy.includes(path[0] ?? '');
  if (!isMapped(table) || isTheLast || isLayout || isChecked(table, path)) return REFUSED;
  if (isAllPartitions(table, path)) return UNFIT;
  const schema = edited(table.schema, path, (fields) =>
    fields.filter(({ name }) => name !== path.at(-1)),
  );
  return done(settled({ ...table, schema }));
}

function rename(table: ModelTable, { path, name }: StepOf<'rename column'>): Verdict {
  const field = fieldAt(table.schema, path);
  if (field === null) return UNFIT;
  const isTaken = siblingsOf(table.schema, path)?.some(
    (other) => other !== field && sameName(other.name, name),
  );
  if (!isMapped(table) || isTaken === true || isChecked(table, path)) return REFUSED;
  const schema = edited(table.schema, path, (fields) =>
    fields.map((other) => (other.name === field.name ? { ...other, name } : other)),
  );
  const renamed = (column: string): string =>
    path.length === 1 && column === path[0] ? name : column;
  return done({
    ...table,
    schema,
    partitionBy: table.partitionBy.map(renamed),
    clusterBy: table.clusterBy.map(renamed),
    rows: table.rows.map((row) => moved(row, path, name)),
  });
}

function widen(table: ModelTable, { path, type }: StepOf<'widen column'>): Verdict {
  const field = fieldAt(table.schema, path);
  const wider = parseType(type);
  if (field === null || isChecked(table, path)) return UNFIT;
  if (!isWidening(field.type, wider)) return UNFIT;
  if (!isOn(table, 'delta.enableTypeWidening')) return REFUSED;
  const schema = edited(table.schema, path, (fields) =>
    fields.map((other) => (other.name === field.name ? { ...other, type: wider } : other)),
  );
  const rows = table.rows.map((row) => replaced(row, path, (value) => widened(value, wider)));
  return done({ ...table, schema, rows });
}

const WIDER: Readonly<Record<string, readonly string[]>> = {
  tinyint: ['smallint', 'int', 'bigint', 'double'],
  smallint: ['int', 'bigint', 'double'],
  int: ['bigint', 'double'],
  float: ['double'],
  date: ['timestamp_ntz'],
};

function isWidening(from: DataType, to: DataType): boolean {
  if (from.kind === 'decimal' && to.kind === 'decimal') {
    return from.scale === to.scale && from.precision < to.precision;
  }
  return WIDER[typeName(from)]?.includes(typeName(to)) === true;
}

/** The types that a column can be widened to. */
export function widerTypes(type: DataType): readonly string[] {
  if (type.kind !== 'decimal') return WIDER[typeName(type)] ?? [];
  return type.precision < 38 ? [typeName({ ...type, precision: 38 })] : [];
}

function widened(value: RowValue, type: DataType): RowValue {
  if (value === null || type.kind !== 'primitive') return value;
  if (type.name === 'long') return BigInt(plainText(value));
  return type.name === 'timestamp_ntz' ? `${plainText(value)}T00:00:00.000000` : value;
}

function move(table: ModelTable, path: Path): Verdict {
  const field = fieldAt(table.schema, path);
  if (field === null) return UNFIT;
  const schema = edited(table.schema, path, (fields) => [
    field,
    ...fields.filter((other) => other !== field),
  ]);
  return done({ ...table, schema });
}

function setNullable(table: ModelTable, step: StepOf<'set nullable'>): Verdict {
  const { column, nullable } = step;
  const field = fieldAt(table.schema, [column]);
  if (field === null) return UNFIT;
  const broken = table.rows.some((row) => (row[column] ?? null) === null);
  if (!nullable && field.nullable && broken) return refused('RULE_VIOLATED');
  const schema = edited(table.schema, [column], (fields) =>
    fields.map((other) => (other === field ? { ...other, nullable } : other)),
  );
  return done({ ...table, schema });
}

function isChecked({ constraints }: ModelTable, path: Path): boolean {
  return [...constraints.values()].some((check) => readsColumn(check, path));
}

function isAllPartitions({ schema, partitionBy }: ModelTable, path: Path): boolean {
  return path.length === 1 && schema.fields.length === partitionBy.length + 1;
}

function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

/** The fields of the struct that the path leads into; null where there is none. */
function siblingsOf(schema: StructType, path: Path): readonly StructField[] | null {
  if (path.length === 1) return schema.fields;
  const type = fieldAt(schema, path.slice(0, -1))?.type;
  return type?.kind === 'struct' ? type.fields : null;
}

function edited(
  schema: StructType,
  [name, ...rest]: Path,
  edit: (fields: readonly StructField[]) => readonly StructField[],
): StructType {
  if (rest.length === 0) return { ...schema, fields: edit(schema.fields) };
  const fields = schema.fields.map((field) =>
    field.name === name && field.type.kind === 'struct'
      ? { ...field, type: edited(field.type, rest, edit) }
      : field,
  );
  return { ...schema, fields };
}

function replaced(
  row: Row,
  [name = '', ...rest]: Path,
  change: (value: RowValue) => RowValue,
): Row {
  const value = memberOf(row, name);
  if (rest.length === 0) return { ...row, [name]: change(value) };
  return isRow(value) ? { ...row, [name]: { ...replaced(value, rest, change) } } : row;
}

function moved(row: Row, [name = '', ...rest]: Path, to: string): Row {
  const value = memberOf(row, name);
  if (rest.length > 0)
    return isRow(value) ? { ...row, [name]: { ...moved(value, rest, to) } } : row;
  const { [name]: _, ...others } = row;
  return { ...others, [to]: value };
}

function isRow(value: RowValue): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
