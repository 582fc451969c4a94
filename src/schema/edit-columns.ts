/** Schemas with one column more, less, or another: nested ones go by `element`, `key` and `value` into lists and maps. */

import type { DataType, StructField, StructType } from './types.ts';

/** Where a column is to stand among those beside it: before all of them, or right behind one. */
export type ColumnPosition = 'first' | { readonly after: string };

/** The reason, where something cannot be done. */
export type EditRefusal = string;

/**
 * The schema with a new column; `path` is that of the struct that it goes into, empty for the table. Last unless `position` says
 * otherwise.
 */
export function addColumn(
  schema: StructType,
  path: readonly string[],
  field: StructField,
  position?: ColumnPosition,
): StructType | EditRefusal {
  return editStruct(schema, path, (struct) => {
    if (indexOf(struct, field.name) >= 0) return `there is a column ${field.name} already`;
    return placed(struct.fields, field, position);
  });
}

/** The schema without the column. What would have no columns left is refused. */
export function dropColumn(schema: StructType, path: readonly string[]): StructType | EditRefusal {
  return editColumn(schema, path, (fields, index) =>
    fields.length === 1 ? 'no column would be left beside it' : fields.toSpliced(index, 1),
  );
}

/** The schema with what `change` makes of the column, and at another place where `position` says one. */
export function changeColumn(
  schema: StructType,
  path: readonly string[],
  change: (field: StructField) => StructField,
  position?: ColumnPosition,
): StructType | EditRefusal {
  return editColumn(schema, path, (fields, index) => {
    const field = fields[index];
    if (field === undefined) return NO_COLUMN;
    const changed = change(field);
    const others = fields.toSpliced(index, 1);
    const isTaken = indexOf({ kind: 'struct', fields: others }, changed.name) >= 0;
    if (isTaken) return `there is a column ${changed.name} already`;
    return position === undefined ? fields.with(index, changed) : placed(others, changed, position);
  });
}

/** The field at the path, as the schema has it; null where there is none. */
export function fieldAt(schema: StructType, path: readonly string[]): StructField | null {
  const found: StructField[] = [];
  changeColumn(schema, path, (field) => {
    found.push(field);
    return field;
  });
  return found[0] ?? null;
}

const NO_COLUMN = 'the table has no such column';

type FieldsEdit = (
  fields: readonly StructField[],
  index: number,
) => readonly StructField[] | EditRefusal;

function editColumn(
  schema: StructType,
  path: readonly string[],
  edit: FieldsEdit,
): StructType | EditRefusal {
  const name = path.at(-1) ?? '';
  return editStruct(schema, path.slice(0, -1), (struct) => {
    const index = indexOf(struct, name);
    return index < 0 ? NO_COLUMN : edit(struct.fields, index);
  });
}

type StructEdit = (struct: StructType) => readonly StructField[] | EditRefusal;

function editStruct(
  schema: StructType,
  path: readonly string[],
  edit: StructEdit,
): StructType | EditRefusal {
  const edited = editType(schema, path, edit);
  if (typeof edited === 'string') return edited;
  return edited.kind === 'struct' ? edited : NO_COLUMN;
}

function editType(
  type: DataType,
  path: readonly string[],
  edit: StructEdit,
): DataType | EditRefusal {
  const [step, ...rest] = path;
  if (type.kind === 'struct') return editFields(type, path, edit);
  if (type.kind === 'array' && step === 'element') {
    const element = editType(type.element, rest, edit);
    return typeof element === 'string' ? element : { ...type, element };
  }
  if (type.kind === 'map' && (step === 'key' || step === 'value')) {
    const part = editType(type[step], rest, edit);
    return typeof part === 'string' ? part : { ...type, [step]: part };
  }
  return step === undefined ? 'it has no columns inside' : NO_COLUMN;
}

function editFields(
  struct: StructType,
  [step, ...rest]: readonly string[],
  edit: StructEdit,
): StructType | EditRefusal {
  if (step === undefined) {
    const fields = edit(struct);
    return typeof fields === 'string' ? fields : { ...struct, fields };
  }
  const index = indexOf(struct, step);
  const field = struct.fields[index];
  if (field === undefined) return NO_COLUMN;
  const type = editType(field.type, rest, edit);
  if (typeof type === 'string') return type;
  return { ...struct, fields: struct.fields.with(index, { ...field, type }) };
}

function placed(
  others: readonly StructField[],
  field: StructField,
  position: ColumnPosition | undefined,
): readonly StructField[] | EditRefusal {
  if (position === undefined) return [...others, field];
  if (position === 'first') return [field, ...others];
  const index = indexOf({ kind: 'struct', fields: others }, position.after);
  if (index < 0) return `there is no column ${position.after} beside it to stand behind`;
  return others.toSpliced(index + 1, 0, field);
}

function indexOf({ fields }: StructType, name: string): number {
  const folded = name.toLowerCase();
  return fields.findIndex((field) => field.name.toLowerCase() === folded);
}
