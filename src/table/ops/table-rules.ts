/**
 * What a table asks of its rows: CHECK constraints, invariants, NOT NULL inside of columns, and that generated columns are what
 * they are generated from. PROTOCOL.md, "CHECK Constraints", "Column Invariants", "Generated Columns".
 */

import { isDeltaError, isJsonObject, parseJson } from '../../base/index.ts';
import { identifier, scopeOf, translateCondition } from '../../engine/index.ts';
import {
  columnsRead,
  type DataType,
  type Expression,
  GENERATION,
  parseExpression,
  resolveColumns,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import { CONSTRAINT_PREFIX } from '../property-rules.ts';
import type { Snapshot, TableContext } from '../types.ts';
import type { StagedFile } from './append-file.ts';
import { LazySession } from './input-session.ts';
import { ruleUnsupported, ruleViolated } from './rule-errors.ts';
import { findViolation, type RowRule } from './row-rules.ts';

export interface TableRule extends RowRule {
  /** What people know it by: `CHECK positive`, `NOT NULL a.b`. */
  readonly name: string;
  /** As the table has it. */
  readonly text: string;
}

type Described = Pick<Snapshot, 'schema' | 'metadata'>;

/**
 * The rules of a table, but NOT NULL of whole columns, which the footers of files prove. A CHECK that is null is broken, as
 * in Spark. Errors: `RULE_UNSUPPORTED` (unsupported) where one cannot be evaluated here, which names it.
 */
export function rulesOf(table: Described): readonly TableRule[] {
  const { schema, metadata } = table;
  const checks = Object.entries(metadata.configuration).flatMap(([key, text]) =>
    key.toLowerCase().startsWith(CONSTRAINT_PREFIX)
      ? [ruleOf(schema, { name: `CHECK ${key.slice(CONSTRAINT_PREFIX.length)}`, text })]
      : [],
  );
  return [
    ...checks,
    ...invariantsOf(schema, schema, ''),
    ...schema.fields.flatMap((field) => generationRule(schema, field)),
    ...schema.fields.flatMap((field) => nestedRule(schema, field)),
  ];
}

/** One rule over the columns of a schema. Errors: `RULE_UNSUPPORTED`. */
export function ruleOf(
  schema: StructType,
  { name, text }: { readonly name: string; readonly text: string },
): TableRule {
  return ruleFrom(schema, { name, text }, () => parseExpression(text));
}

/**
 * Holds rows that come in to the rules of their table. Errors: `RULE_VIOLATED` (data), which names the rule and shows a row.
 */
export async function checkRules(
  ctx: TableContext,
  table: Snapshot,
  files: readonly StagedFile[],
  { rules, signal }: { readonly rules: readonly TableRule[]; readonly signal?: AbortSignal },
): Promise<void> {
  if (rules.length === 0 || files.length === 0) return;
  const session = new LazySession(ctx);
  try {
    const adds = files.map(({ add }) => add);
    const found = await findViolation(ctx, table, { files: adds, rules }, { session, signal });
    if (found !== null) throw ruleViolated(found.rule, found.row);
  } finally {
    await session.close();
  }
}

function ruleFrom(
  schema: StructType,
  { name, text }: { readonly name: string; readonly text: string },
  parse: () => Expression,
): TableRule {
  try {
    const expression = resolveColumns(parse(), schema);
    const sql = translateCondition(expression, scopeOf(schema));
    return { name, text, sql, expression, columns: columnsRead(expression, schema) };
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    throw ruleUnsupported(name, text, error);
  }
}

const INVARIANT = 'delta.invariants';

/** Those of fields in structs too, whose expressions go by columns of the table all the same. */
function invariantsOf(
  schema: StructType,
  within: StructType,
  prefix: string,
): readonly TableRule[] {
  return within.fields.flatMap((field) => {
    const path = prefix + field.name;
    const stored = field.metadata[INVARIANT];
    const below = field.type.kind === 'struct' ? invariantsOf(schema, field.type, `${path}.`) : [];
    if (typeof stored !== 'string') return below;
    const name = `the invariant of ${path}`;
    return [ruleOf(schema, { name, text: invariantText(stored) }), ...below];
  });
}

/** `{"expression":{"expression":"x > 3"}}`; another text is none that can be parsed either, and is refused by name. */
function invariantText(stored: string): string {
  try {
    const parsed = parseJson(stored);
    const outer = isJsonObject(parsed) ? parsed['expression'] : undefined;
    const inner = isJsonObject(outer) ? outer['expression'] : undefined;
    return typeof inner === 'string' ? inner : stored;
  } catch (error) {
    if (error instanceof SyntaxError) return stored;
    throw error;
  }
}

function generationRule(schema: StructType, field: StructField): readonly TableRule[] {
  const text = field.metadata[GENERATION];
  if (typeof text !== 'string') return [];
  const name = `the generated column ${field.name}`;
  const rule = ruleFrom(schema, { name, text }, () => ({
    kind: 'binary',
    operator: '<=>',
    left: { kind: 'column', path: [field.name] },
    right: { kind: 'cast', operand: parseExpression(text), type: field.type, lenient: false },
  }));
  return [rule];
}

/** NOT NULL of what is inside of a column, where what is around it is there. */
export function nestedRule(schema: StructType, field: StructField): readonly TableRule[] {
  const broken = brokenInside(field.type, identifier(field.name), 0);
  const isBroken = broken === null ? [] : [`coalesce(${broken}, FALSE)`];
  // The footer of a file counts no nulls of what holds other values.
  if (!field.nullable && isNested(field.type)) isBroken.push(`${identifier(field.name)} IS NULL`);
  if (isBroken.length === 0) return [];
  const name = `NOT NULL in the column ${field.name}`;
  const sql = `(NOT (${isBroken.join(' OR ')}))`;
  const columns: StructType = { ...schema, fields: [field] };
  return [{ name, text: 'NOT NULL', sql, expression: null, columns }];
}

function isNested(type: DataType): boolean {
  return type.kind === 'struct' || type.kind === 'array' || type.kind === 'map';
}

/** Whether a value, which is not null, has a null where there may be none; null where there may be anywhere. */
function brokenInside(type: DataType, sql: string, depth: number): string | null {
  switch (type.kind) {
    case 'struct': {
      const parts = type.fields.flatMap((field) => {
        const member = `struct_extract(${sql}, '${field.name.replaceAll("'", "''")}')`;
        return brokenMember(field.type, member, { nullable: field.nullable, depth });
      });
      return parts.length === 0 ? null : `(${sql} IS NOT NULL AND (${parts.join(' OR ')}))`;
    }
    case 'array':
      return brokenItems(type.element, sql, { nullable: type.containsNull, depth });
    case 'map': {
      const keys = brokenItems(type.key, `map_keys(${sql})`, { nullable: true, depth });
      const values = brokenItems(type.value, `map_values(${sql})`, {
        nullable: type.valueContainsNull,
        depth,
      });
      const parts = [keys, values].filter((part) => part !== null);
      return parts.length === 0 ? null : `(${parts.join(' OR ')})`;
    }
    default:
      return null;
  }
}

interface Member {
  readonly nullable: boolean;
  readonly depth: number;
}

function brokenMember(type: DataType, sql: string, { nullable, depth }: Member): readonly string[] {
  const inside = brokenInside(type, sql, depth);
  return [
    ...(nullable ? [] : [`${sql} IS NULL`]),
    ...(inside === null ? [] : [`coalesce(${inside}, FALSE)`]),
  ];
}

function brokenItems(element: DataType, sql: string, { nullable, depth }: Member): string | null {
  const item = identifier(`item ${String(depth)}`);
  const parts = brokenMember(element, item, { nullable, depth: depth + 1 });
  if (parts.length === 0) return null;
  return `(len(list_filter(${sql}, lambda ${item}: ${parts.join(' OR ')})) > 0)`;
}
