/** Columns that take a wider type, with the change recorded for readers of older files. PROTOCOL.md, "Type Widening". */

import { printSchema } from './schema-json.ts';
import { isWidening } from './type-widening.ts';
import { typesEqual } from './structure.ts';
import type { DataType, StructField, StructType } from './types.ts';

const TYPE_CHANGES = 'delta.typeChanges';

/**
 * The schema with the column at `path` of the type `type`; `element`, `key` and `value` go into lists and maps. The same
 * object where it has that type already; a text that says why where it cannot be widened so.
 */
export function widenColumn(
  schema: StructType,
  path: readonly string[],
  type: DataType,
): StructType | string {
  const [name = '', ...rest] = path;
  const folded = name.toLowerCase();
  const index = schema.fields.findIndex((field) => field.name.toLowerCase() === folded);
  const field = schema.fields[index];
  if (field === undefined) return 'the table has no such column';
  const widened = widenField(field, rest, type);
  if (typeof widened === 'string') return widened;
  return widened === field ? schema : { ...schema, fields: schema.fields.with(index, widened) };
}

function widenField(
  field: StructField,
  rest: readonly string[],
  type: DataType,
): StructField | string {
  if (field.type.kind === 'struct' && rest.length > 0) {
    const widened = widenColumn(field.type, rest, type);
    if (typeof widened === 'string') return widened;
    return widened === field.type ? field : { ...field, type: widened };
  }
  const found = widenType(field.type, rest, type);
  if (typeof found === 'string') return found;
  if (found.type === field.type) return field;
  if (found.from === null) return { ...field, type: found.type };
  const change = {
    toType: nameOf(type),
    fromType: nameOf(found.from),
    ...(rest.length === 0 ? {} : { fieldPath: rest.join('.') }),
  };
  const before = field.metadata[TYPE_CHANGES];
  const changes = [...(Array.isArray(before) ? before : []), change];
  return { ...field, type: found.type, metadata: { ...field.metadata, [TYPE_CHANGES]: changes } };
}

interface Widened {
  readonly type: DataType;
  /** What was changed, where the change is to be recorded at the field above; null where a struct below has it. */
  readonly from: DataType | null;
}

function widenType(held: DataType, path: readonly string[], type: DataType): Widened | string {
  const [step, ...rest] = path;
  if (step === undefined) {
    if (typesEqual(held, type)) return { type: held, from: null };
    if (isWidening(held, type)) return { type, from: held };
    return `not every value of ${nameOf(held)} is one of ${nameOf(type)}`;
  }
  if (held.kind === 'struct') {
    const widened = widenColumn(held, path, type);
    return typeof widened === 'string' ? widened : { type: widened, from: null };
  }
  const part = partOf(held, step);
  if (part === null) return 'the table has no such column';
  const widened = widenType(part, rest, type);
  if (typeof widened === 'string') return widened;
  return widened.type === part
    ? { type: held, from: null }
    : { type: withPart(held, step, widened.type), from: widened.from };
}

function partOf(type: DataType, step: string): DataType | null {
  if (type.kind === 'array') return step === 'element' ? type.element : null;
  if (type.kind !== 'map') return null;
  if (step === 'key') return type.key;
  return step === 'value' ? type.value : null;
}

function withPart(type: DataType, step: string, part: DataType): DataType {
  if (type.kind === 'array') return { ...type, element: part };
  if (type.kind !== 'map') return type;
  return step === 'key' ? { ...type, key: part } : { ...type, value: part };
}

/** As the protocol writes types in a change: the JSON text without its quotes. */
function nameOf(type: DataType): string {
  return printSchema(type).replaceAll('"', '');
}
