/** Ids and physical names for the columns of a table with column mapping. PROTOCOL.md, "Writer Requirements for Column Mapping". */

import { isJsonObject, type JsonValue } from '../base/index.ts';
import { mappingId } from './column-mapping.ts';
import { asNullable } from './evolve.ts';
import { findField, typesEqual } from './structure.ts';
import type { DataType, StructField, StructType } from './types.ts';

const ID = 'delta.columnMapping.id';
const PHYSICAL_NAME = 'delta.columnMapping.physicalName';
const NESTED_IDS = 'delta.columnMapping.nested.ids';

export interface MappingOptions {
  /** The highest id that any column of the table ever had; 0 for none. */
  readonly maxId: number;
  /** The physical name of a column that has none yet: its own where files have it under that name already. */
  readonly physicalName: (field: StructField) => string;
  /** Whether elements, keys and values get ids too, as Iceberg asks. Default false. */
  readonly nestedIds?: boolean;
}

export interface AssignedMapping {
  readonly schema: StructType;
  readonly maxId: number;
}

/**
 * The schema where each field, nested ones too, has an id of its own and a physical name. What has them keeps them; ids only
 * rise, so that no id of a dropped column comes again.
 */
export function assignMapping(schema: StructType, options: MappingOptions): AssignedMapping {
  const assigner = new Assigner(options, Math.max(options.maxId, highestId(schema)));
  return { schema: assigner.struct(schema), maxId: assigner.maxId };
}

/**
 * The schema with the ids and names in files that `held` has for columns of the same name and type: by them older files and versions,
 * changes and clustering know a column again.
 */
export function reuseMapping(schema: StructType, held: StructType): StructType {
  const fields = schema.fields.map((field): StructField => {
    const old = findField(held, field.name);
    if (old === null || !typesEqual(asNullable(field.type), asNullable(old.type))) return field;
    return { ...field, type: typeMappedAs(field.type, old.type), metadata: marksOf(field, old) };
  });
  return { ...schema, fields };
}

/** Of types that are equal. */
function typeMappedAs(type: DataType, held: DataType): DataType {
  if (type.kind === 'struct' && held.kind === 'struct') return reuseMapping(type, held);
  if (type.kind === 'array' && held.kind === 'array') {
    return { ...type, element: typeMappedAs(type.element, held.element) };
  }
  if (type.kind !== 'map' || held.kind !== 'map') return type;
  const [key, value] = [typeMappedAs(type.key, held.key), typeMappedAs(type.value, held.value)];
  return { ...type, key, value };
}

function marksOf({ metadata }: StructField, held: StructField): StructField['metadata'] {
  const marks = [ID, PHYSICAL_NAME, NESTED_IDS].flatMap((key) => {
    const value = held.metadata[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return { ...metadata, ...Object.fromEntries(marks) };
}

/** The highest id in the schema, those of elements, keys and values too; 0 where there is none. */
export function highestId(type: DataType): number {
  switch (type.kind) {
    case 'struct':
      return Math.max(
        0,
        ...type.fields.flatMap((field) => [
          mappingId(field) ?? 0,
          ...Object.values(nestedIdsOf(field)).map(Number),
          highestId(field.type),
        ]),
      );
    case 'array':
      return highestId(type.element);
    case 'map':
      return Math.max(highestId(type.key), highestId(type.value));
    default:
      return 0;
  }
}

class Assigner {
  maxId: number;
  readonly #options: MappingOptions;

  constructor(options: MappingOptions, maxId: number) {
    this.#options = options;
    this.maxId = maxId;
  }

  struct(struct: StructType): StructType {
    return { ...struct, fields: struct.fields.map((field) => this.#field(field)) };
  }

  #field(field: StructField): StructField {
    const id = mappingId(field) ?? this.#nextId();
    const named = field.metadata[PHYSICAL_NAME];
    const name = typeof named === 'string' ? named : this.#options.physicalName(field);
    const metadata = { ...field.metadata, [ID]: id, [PHYSICAL_NAME]: name };
    const nested = this.#options.nestedIds === true ? this.#nested(field, name) : {};
    const type = this.#type(field.type);
    if (Object.keys(nested).length === 0) return { ...field, type, metadata };
    return { ...field, type, metadata: { ...metadata, [NESTED_IDS]: nested } };
  }

  /** By the path from the field: `tags.element`, `prices.key`, `prices.value.element`. */
  #nested(field: StructField, name: string): Readonly<Record<string, JsonValue>> {
    const ids: Record<string, JsonValue> = { ...nestedIdsOf(field) };
    for (const path of nestedPaths(field.type, name)) ids[path] ??= this.#nextId();
    return ids;
  }

  #type(type: DataType): DataType {
    switch (type.kind) {
      case 'struct':
        return this.struct(type);
      case 'array':
        return { ...type, element: this.#type(type.element) };
      case 'map':
        return { ...type, key: this.#type(type.key), value: this.#type(type.value) };
      default:
        return type;
    }
  }

  #nextId(): number {
    this.maxId += 1;
    return this.maxId;
  }
}

/** What is no field and still has an id, up to the next struct. */
function nestedPaths(type: DataType, path: string): readonly string[] {
  if (type.kind === 'array') {
    const element = `${path}.element`;
    return [element, ...nestedPaths(type.element, element)];
  }
  if (type.kind !== 'map') return [];
  const [key, value] = [`${path}.key`, `${path}.value`];
  return [key, ...nestedPaths(type.key, key), value, ...nestedPaths(type.value, value)];
}

function nestedIdsOf({ metadata }: StructField): Readonly<Record<string, JsonValue>> {
  const ids = metadata[NESTED_IDS];
  if (!isJsonObject(ids)) return {};
  const known = Object.entries(ids).filter(([, id]) => typeof id === 'number');
  return Object.fromEntries(known.map(([path, id]) => [path, id ?? null]));
}
