/** Reads the JSON of Avro schemas. Avro 1.12, "Schema Declaration". Nothing of a schema is trusted: names, sizes, depth. */

import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  messageOf,
  parseJson,
} from '../base/index.ts';
import { encodeDefault } from './default-value.ts';
import { badSchema, recursive, schemaTooLarge } from './errors.ts';
import { decimalOf, logicalOf } from './logical-type.ts';
import type {
  AvroEnum,
  AvroField,
  AvroFixed,
  AvroPrimitiveName,
  AvroRecord,
  AvroSchema,
  AvroUnion,
} from './types.ts';

export interface ParseOptions {
  /** Schemas, as JSON text, of types that are declared elsewhere, by full name. */
  readonly references?: ReadonlyMap<string, string>;
}

/** Types in a schema, a named one counted wherever it is used: it becomes columns, and code, there. */
const NODES_MAX = 5000;
const DEPTH_MAX = 64;
/** A level of the schema takes up to two of the JSON: `{"type": {"type": …}}`. */
const JSON_DEPTH_MAX = 2 * DEPTH_MAX;
const FIXED_BYTES_MAX = 2 ** 20;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A type and what it costs. */
interface Parsed {
  readonly type: AvroSchema;
  readonly nodes: number;
  readonly depth: number;
}

interface Context {
  readonly known: Map<string, Parsed>;
  /** Records and references that are being read. */
  readonly open: Set<string>;
  readonly references: ReadonlyMap<string, string>;
}

/** Where a type stands. */
interface Place {
  /** Dotted, for messages. */
  readonly path: string;
  /** Of the enclosing named type; `''` for none. */
  readonly namespace: string;
  /** Of nesting in the JSON, so that reading it ends before the stack does. */
  readonly level: number;
}

/**
 * The schema that `text`, JSON, declares, checked as a whole: names, references, symbols, defaults.
 *
 * Errors: `AVRO_BAD_SCHEMA` (data), with the `place`, for what is not a schema; `AVRO_RECURSIVE` and
 * `AVRO_SCHEMA_TOO_LARGE` (unsupported).
 */
export function parseAvroSchema(text: string, options: ParseOptions = {}): AvroSchema {
  const context: Context = {
    known: new Map(),
    open: new Set(),
    references: options.references ?? new Map<string, string>(),
  };
  return parseType(context, jsonOf(text, '$'), { path: '$', namespace: '', level: 0 }).type;
}

function jsonOf(text: string, path: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw badSchema(path, `it is not JSON (${messageOf(error)})`, error);
  }
}

function parseType(context: Context, json: JsonValue | undefined, place: Place): Parsed {
  if (place.level > JSON_DEPTH_MAX) throw schemaTooLarge('levels', DEPTH_MAX);
  if (typeof json === 'string') return named(context, json, place);
  if (Array.isArray(json)) return parseUnion(context, json, place);
  if (!isJsonObject(json)) throw badSchema(place.path, 'a type is a name, an object or an array');
  const { type } = json;
  switch (type) {
    case 'record':
    case 'error':
      return parseRecord(context, json, place);
    case 'enum':
      return declare(context, leaf(parseEnum(json, place)), place);
    case 'fixed':
      return declare(context, leaf(parseFixed(json, place)), place);
    case 'array': {
      const items = parseType(context, json['items'], below(place, '.items'));
      return around({ kind: 'array', items: items.type }, [items]);
    }
    case 'map': {
      const values = parseType(context, json['values'], below(place, '.values'));
      return around({ kind: 'map', values: values.type }, [values]);
    }
    default:
      if (isPrimitive(type)) return leaf({ kind: type, logical: logicalOf(type, json) });
      return parseType(context, type, below(place, ''));
  }
}

function below(place: Place, step: string): Place {
  return { ...place, path: place.path + step, level: place.level + 1 };
}

function leaf(type: AvroSchema): Parsed {
  return { type, nodes: 1, depth: 1 };
}

function around(type: AvroSchema, parts: readonly Parsed[]): Parsed {
  const nodes = parts.reduce((sum, part) => sum + part.nodes, 1);
  const depth = parts.reduce((deepest, part) => Math.max(deepest, part.depth), 0) + 1;
  if (nodes > NODES_MAX) throw schemaTooLarge('types', NODES_MAX);
  if (depth > DEPTH_MAX) throw schemaTooLarge('levels', DEPTH_MAX);
  return { type, nodes, depth };
}

/** A type by its name: a primitive one, one declared before, or one of the references. */
function named(context: Context, name: string, place: Place): Parsed {
  if (isPrimitive(name)) return leaf({ kind: name, logical: null });
  // As Avro's own parser does, a name that is not in the namespace is looked for outside of all.
  for (const full of [fullName(name, place.namespace), name]) {
    const known = context.known.get(full);
    if (known !== undefined) return known;
    if (context.open.has(full)) throw recursive(full);
    const reference = context.references.get(full);
    if (reference === undefined) continue;
    context.open.add(full);
    const path = `references.${full}`;
    parseType(context, jsonOf(reference, path), { path, namespace: '', level: place.level + 1 });
    context.open.delete(full);
    const found = context.known.get(full);
    if (found === undefined) throw badSchema(path, 'it declares no type of this name');
    return found;
  }
  throw badSchema(place.path, `there is no type "${name}"`);
}

function declare(context: Context, parsed: Parsed, { path }: Place): Parsed {
  const { type } = parsed;
  if (!('name' in type)) return parsed;
  if (context.known.has(type.name)) throw badSchema(path, `"${type.name}" is declared twice`);
  context.known.set(type.name, parsed);
  return parsed;
}

function parseUnion(context: Context, branches: readonly JsonValue[], place: Place): Parsed {
  if (branches.length === 0) throw badSchema(place.path, 'a union has at least one type');
  const parts = branches.map((json, index) =>
    parseType(context, json, below(place, `[${String(index)}]`)),
  );
  const seen = new Set<string>();
  for (const { type } of parts) {
    if (type.kind === 'union') throw badSchema(place.path, 'a union holds no union directly');
    const key = 'name' in type ? type.name : type.kind;
    if (seen.has(key)) throw badSchema(place.path, `a union holds "${key}" only once`);
    seen.add(key);
  }
  const union: AvroUnion = { kind: 'union', branches: parts.map(({ type }) => type) };
  return around(union, parts);
}

function parseRecord(context: Context, json: JsonObject, place: Place): Parsed {
  const names = namesOf(json, place);
  // A reference to itself is met while the record, or the reference that declares it, is open.
  if (context.known.has(names.name)) {
    throw badSchema(place.path, `"${names.name}" is declared twice`);
  }
  const wasOpen = context.open.has(names.name);
  context.open.add(names.name);
  const { fields } = json;
  if (!Array.isArray(fields)) throw badSchema(place.path, 'a record has an array "fields"');
  const namespace = namespaceOf(names.name);
  const parts: Parsed[] = [];
  const taken = new Set<string>();
  const parsed = fields.map((field: JsonValue): AvroField => {
    if (!isJsonObject(field)) throw badSchema(place.path, 'a field is an object');
    const name = plainName(field['name'], `${place.path}.fields`);
    const path = `${place.path}.${name}`;
    if (taken.has(name)) throw badSchema(path, 'the record has two fields of this name');
    taken.add(name);
    const part = parseType(context, field['type'], { path, namespace, level: place.level + 1 });
    parts.push(part);
    const aliases = textsOf(field['aliases'], path, 'aliases');
    return {
      name,
      aliases,
      type: part.type,
      default: defaultOf(part.type, field['default'], path),
    };
  });
  if (!wasOpen) context.open.delete(names.name);
  const record: AvroRecord = { kind: 'record', ...names, fields: parsed };
  return declare(context, around(record, parts), place);
}

function defaultOf(
  type: AvroSchema,
  json: JsonValue | undefined,
  path: string,
): AvroField['default'] {
  if (json === undefined) return null;
  const bytes = encodeDefault(type, json);
  if (bytes === null) throw badSchema(path, 'the default is not a value of the type');
  return { json, bytes };
}

function parseEnum(json: JsonObject, place: Place): AvroEnum {
  const names = namesOf(json, place);
  const symbols = textsOf(json['symbols'], place.path, 'symbols');
  if (symbols.length === 0) throw badSchema(place.path, 'an enum has an array "symbols"');
  for (const symbol of symbols) plainName(symbol, place.path);
  if (new Set(symbols).size < symbols.length) {
    throw badSchema(place.path, 'an enum has each symbol only once');
  }
  const fallback = json['default'] ?? null;
  if (fallback === null) return { kind: 'enum', ...names, symbols, default: null };
  if (typeof fallback !== 'string' || !symbols.includes(fallback)) {
    throw badSchema(place.path, 'the default of an enum is one of its symbols');
  }
  return { kind: 'enum', ...names, symbols, default: fallback };
}

function parseFixed(json: JsonObject, place: Place): AvroFixed {
  const { size } = json;
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > FIXED_BYTES_MAX) {
    throw badSchema(place.path, `a fixed has a "size" of 0 to ${String(FIXED_BYTES_MAX)}`);
  }
  const logical = decimalOf(json, size);
  return { kind: 'fixed', ...namesOf(json, place), sizeBytes: size, logical };
}

function namesOf(json: JsonObject, place: Place): { name: string; aliases: readonly string[] } {
  const { name, namespace = place.namespace } = json;
  if (typeof name !== 'string' || typeof namespace !== 'string') {
    throw badSchema(place.path, 'name and namespace are texts');
  }
  const full = fullName(name, namespace);
  if (isPrimitive(full)) throw badSchema(place.path, `"${full}" is the name of a primitive type`);
  for (const part of full.split('.')) plainName(part, place.path);
  const aliases = textsOf(json['aliases'], place.path, 'aliases');
  return { name: full, aliases: aliases.map((alias) => fullName(alias, namespaceOf(full))) };
}

function plainName(name: JsonValue | undefined, path: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  const why = 'names have letters, digits and _ and do not start with a digit';
  throw badSchema(path, typeof name === 'string' ? `${why}, unlike "${name.slice(0, 80)}"` : why);
}

function textsOf(json: JsonValue | undefined, path: string, what: string): readonly string[] {
  const texts = json ?? [];
  if (!Array.isArray(texts)) throw badSchema(path, `"${what}" is an array of texts`);
  return texts.map((text: JsonValue) => {
    if (typeof text !== 'string') throw badSchema(path, `"${what}" is an array of texts`);
    return text;
  });
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function namespaceOf(full: string): string {
  return full.slice(0, Math.max(0, full.lastIndexOf('.')));
}

const PRIMITIVES: ReadonlySet<string> = new Set<AvroPrimitiveName>([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
]);

function isPrimitive(name: JsonValue | undefined): name is AvroPrimitiveName {
  return typeof name === 'string' && PRIMITIVES.has(name);
}
