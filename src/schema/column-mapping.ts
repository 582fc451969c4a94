/** Names of columns in files, partition values and statistics. PROTOCOL.md, "Column Mapping". */

import { isJsonObject } from '../base/index.ts';
import type { DataType, StructField, StructType } from './types.ts';

/** The values of `delta.columnMapping.mode`. */
export type MappingMode = 'none' | 'name' | 'id';

const ID = 'delta.columnMapping.id';
const PHYSICAL_NAME = 'delta.columnMapping.physicalName';
const NESTED_IDS = 'delta.columnMapping.nested.ids';
const MAPPING_KEYS: ReadonlySet<string> = new Set([ID, PHYSICAL_NAME, NESTED_IDS]);

/** The mode that a table's properties say; null for a text that is none. */
export function mappingMode(configuration: Readonly<Record<string, string>>): MappingMode | null {
  const mode = configuration['delta.columnMapping.mode']?.toLowerCase() ?? 'none';
  return mode === 'none' || mode === 'name' || mode === 'id' ? mode : null;
}

/** The name of a field in files, partition values and statistics; its own name without column mapping. */
export function physicalName(field: StructField): string {
  const name = field.metadata[PHYSICAL_NAME];
  return typeof name === 'string' ? name : field.name;
}

/** The id of a field, which its column in files has as `field_id`; null where the schema gives it none. */
export function mappingId(field: StructField): number | null {
  const id = field.metadata[ID];
  return typeof id === 'number' ? id : null;
}

/**
 * The id of what is no field, by its path from the field that holds it (`tags.element`, by physical name); null where the schema
 * gives it none. PROTOCOL.md, "Writer Requirements for IcebergCompatV2".
 */
export function nestedMappingId(field: StructField, path: string): number | null {
  const ids = field.metadata[NESTED_IDS];
  const id = isJsonObject(ids) && Object.hasOwn(ids, path) ? ids[path] : null;
  return typeof id === 'number' ? id : null;
}

/**
 * The schema without what a former column mapping left in the metadata of its fields: in a table that has none, a
 * column goes by its own name. The same object where nothing is left.
 */
export function withoutMapping(schema: StructType): StructType {
  return keeping(schema, (key) => !MAPPING_KEYS.has(key));
}

/**
 * The schema with what people are told of its fields, and nothing by which one table handles them: where values come from, which
 * types they had. The same object where nothing is left out.
 */
export function withoutMarks(schema: StructType): StructType {
  return keeping(schema, (key) => key === 'comment');
}

type IsKept = (key: string) => boolean;

function keeping(schema: StructType, isKept: IsKept): StructType {
  const fields = schema.fields.map((field) => fieldKeeping(field, isKept));
  const same = fields.every((field, index) => field === schema.fields[index]);
  return same ? schema : { ...schema, fields };
}

function fieldKeeping(field: StructField, isKept: IsKept): StructField {
  const type = typeKeeping(field.type, isKept);
  const kept = Object.entries(field.metadata).filter(([key]) => isKept(key));
  if (kept.length === Object.keys(field.metadata).length) {
    return type === field.type ? field : { ...field, type };
  }
  return { ...field, type, metadata: Object.fromEntries(kept) };
}

function typeKeeping(type: DataType, isKept: IsKept): DataType {
  if (type.kind === 'struct') return keeping(type, isKept);
  if (type.kind === 'array') {
    const element = typeKeeping(type.element, isKept);
    return element === type.element ? type : { ...type, element };
  }
  if (type.kind !== 'map') return type;
  const [key, value] = [typeKeeping(type.key, isKept), typeKeeping(type.value, isKept)];
  return key === type.key && value === type.value ? type : { ...type, key, value };
}
