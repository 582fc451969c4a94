/** The names of a MERGE: which of its two sides a column is of. */

import { identifier, type Scope, scopeOf } from '../../engine/index.ts';
import {
  type DataType,
  type Expression,
  expressionColumns,
  findField,
  LONG,
  mapColumns,
  parseExpression,
  type StructField,
  type StructType,
  VOID,
} from '../../schema/index.ts';
import { assignedColumns, type AssignmentOptions } from './assignments.ts';
import { mergeClause, mergeColumn } from './errors.ts';
import type { Assignments, MergeSpec } from './merge-types.ts';
import { memberOf, structOf } from './struct-values.ts';

/** The alias of the table's rows in the SQL. */
export const TARGET = 't';
/** The alias of the source's rows; with a space, which no column of a table without column mapping has in its name. */
export const SOURCE = '"source row"';
/** The number of the source's row, over `newRow`. */
export const SOURCE_ROW: Expression = { kind: 'column', path: [SOURCE] };
/** The aliases that users write, unless they choose others. */
const TARGET_ALIAS = 't';
const SOURCE_ALIAS = 's';

/** What a plan is made over. */
export interface PlanInput {
  readonly schema: StructType;
  /** The source's columns, in the order of the columns of `sourceColumn`. */
  readonly source: StructType;
  readonly spec: Pick<
    MergeSpec,
    | 'on'
    | 'targetAlias'
    | 'sourceAlias'
    | 'whenMatched'
    | 'whenNotMatched'
    | 'whenNotMatchedBySource'
    | 'evolve'
  >;
  /** The time of the merge, for `current_timestamp()`. */
  readonly nowMs: number;
}

/** The name of a source column in the engine: by place, since its own may differ from another's only by case. */
export function sourceColumn(index: number): string {
  return identifier(`c${String(index)}`);
}

/** The columns of the source that a merge may add to its table. */
export function incomingColumns(
  source: StructType,
  { whenMatched = [], whenNotMatched = [], targetAlias = TARGET_ALIAS }: PlanInput['spec'],
): StructType {
  const clauses = [
    ...whenMatched.flatMap((clause) => ('delete' in clause ? [] : [clause.update])),
    ...whenNotMatched.map(({ insert }) => insert),
  ];
  if (clauses.includes('*')) return source;
  const assigned = clauses.flatMap((clause) => Object.keys(clause)).map(parseExpression);
  const isAssigned = (name: string): boolean =>
    assigned.some(
      (column) =>
        column.kind === 'column' &&
        sameName(column.path.at(-1) ?? '', name) &&
        (column.path.length === 1 ||
          (column.path.length === 2 && sameName(column.path[0] ?? '', targetAlias))),
    );
  return { ...source, fields: source.fields.filter(({ name }) => isAssigned(name)) };
}

export class MergeScope {
  readonly target: Scope;
  readonly source: Scope;
  readonly #schema: StructType;
  readonly #sourceSchema: StructType;
  readonly #targetAlias: string;
  readonly #sourceAlias: string;
  readonly #nowMs: number;

  /** Errors: `MERGE_CLAUSE` (invalid). */
  constructor({ schema, source, spec, nowMs }: PlanInput) {
    this.#schema = schema;
    this.#nowMs = nowMs;
    this.#sourceSchema = source;
    this.#targetAlias = spec.targetAlias ?? TARGET_ALIAS;
    this.#sourceAlias = spec.sourceAlias ?? SOURCE_ALIAS;
    if (sameName(this.#targetAlias, this.#sourceAlias)) {
      throw mergeClause(`table and source have the same alias, ${this.#sourceAlias}`);
    }
    this.target = scopeOf(schema, TARGET).map((column) => ({
      ...column,
      qualifier: this.#targetAlias,
    }));
    this.source = source.fields.map(({ name, type }, index) => ({
      qualifier: this.#sourceAlias,
      name,
      type,
      sql: `${SOURCE}.${sourceColumn(index)}`,
    }));
  }

  get both(): Scope {
    return [...this.target, ...this.source];
  }

  /** The column of the source with this name, which `*` takes. Errors: `MERGE_COLUMN` (invalid). */
  ofSource(name: string): Expression {
    if (findField(this.#sourceSchema, name) === null) {
      throw mergeColumn(name, 'is in the table but not in the source, which `*` takes it from');
    }
    return { kind: 'column', path: [this.#sourceAlias, name] };
  }

  /** The source, and which of its rows it is, as values of new rows may need it. */
  get newRow(): Scope {
    return [...this.source, { name: SOURCE, type: LONG, sql: `${SOURCE}.rowid` }];
  }

  /** The column of the table, as it is before. */
  before({ name }: StructField): Expression {
    return { kind: 'column', path: [this.#targetAlias, name] };
  }

  /**
   * What `*` of an evolving merge gives a column: of a struct the fields that the source has, beside the others as they were, as
   * in Spark; in a new row they are null.
   */
  mergedFromSource(field: StructField, row: 'old' | 'new'): Expression {
    const taken = this.ofSource(field.name);
    const own = findField(this.#sourceSchema, field.name);
    if (own === null) return taken;
    const before = row === 'old' ? this.before(field) : NOTHING;
    return mergedValue(field.type, own.type, { taken, before });
  }

  /** What an update gives each column of which it names something. Errors: `MERGE_COLUMN` (invalid), those of parsing. */
  updated(clause: Assignments): ReadonlyMap<StructField, Expression> {
    return this.#assigned(clause, (path) => ({
      kind: 'column',
      path: [this.#targetAlias, ...path],
    }));
  }

  /** What an insert gives each column that it names. Errors: as above. */
  inserted(clause: Assignments): ReadonlyMap<StructField, Expression> {
    return this.#assigned(clause, null);
  }

  #assigned(
    clause: Assignments,
    before: AssignmentOptions['before'],
  ): ReadonlyMap<StructField, Expression> {
    return assignedColumns(this.#schema, clause, {
      alias: this.#targetAlias,
      before,
      refuse: mergeColumn,
      isColumn: (name) =>
        [this.#schema, this.#sourceSchema].some((it) => findField(it, name) !== null),
      nowMs: this.#nowMs,
    });
  }

  /** The columns of the table that the expressions read. */
  targetColumns(expressions: readonly Expression[]): StructType {
    const read = new Set(
      expressions
        .flatMap(expressionColumns)
        .flatMap((path) => this.#targetColumnOf(path)?.name ?? []),
    );
    return { ...this.#schema, fields: this.#schema.fields.filter(({ name }) => read.has(name)) };
  }

  readsTarget(expression: Expression): boolean {
    return expressionColumns(expression).some((path) => this.#targetColumnOf(path) !== null);
  }

  readsSource(expression: Expression): boolean {
    return expressionColumns(expression).some((path) => this.#targetColumnOf(path) === null);
  }

  /** A column of the table itself, not a field inside one. */
  targetField(path: readonly string[]): StructField | null {
    const field = this.#targetColumnOf(path);
    const isQualified = sameName(path[0] ?? '', this.#targetAlias) && path.length === 2;
    return isQualified || path.length === 1 ? field : null;
  }

  /** The expression over the table alone, as files are judged by it: its columns without the alias. */
  withoutAlias(expression: Expression): Expression {
    return mapColumns(expression, (path) => ({
      kind: 'column',
      path: sameName(path[0] ?? '', this.#targetAlias) && path.length > 1 ? path.slice(1) : path,
    }));
  }

  /** The column of the table that a name starts with, or null where it is one of the source. */
  #targetColumnOf([first = '', second]: readonly string[]): StructField | null {
    if (second !== undefined && sameName(first, this.#targetAlias)) {
      const field = findField(this.#schema, second);
      if (field !== null) return field;
    }
    const ofSource = second !== undefined && sameName(first, this.#sourceAlias);
    return ofSource && findField(this.#sourceSchema, second) !== null
      ? null
      : findField(this.#schema, first);
  }
}

const NOTHING: Expression = { kind: 'literal', value: null, type: VOID };

interface Sides {
  readonly taken: Expression;
  readonly before: Expression;
}

function mergedValue(type: DataType, from: DataType, { taken, before }: Sides): Expression {
  if (type.kind !== 'struct' || from.kind !== 'struct' || hasAllFields(from, type)) return taken;
  const fields = type.fields.map((field) => {
    const old = memberOf(before, [field.name]);
    const own = findField(from, field.name);
    if (own === null) return [field.name, old] as const;
    const sides = { taken: memberOf(taken, [own.name]), before: old };
    return [field.name, mergedValue(field.type, own.type, sides)] as const;
  });
  const isNull = (operand: Expression): Expression => ({ kind: 'isNull', operand, negated: false });
  const when: Expression = {
    kind: 'binary',
    operator: 'and',
    left: isNull(taken),
    right: isNull(before),
  };
  const branches = [{ when, result: NOTHING }];
  return { kind: 'case', operand: null, branches, otherwise: structOf(fields) };
}

/** Whether the struct has every field that a column has, inside of others too. */
function hasAllFields(from: StructType, column: StructType): boolean {
  return column.fields.every(({ name, type }) => {
    const own = findField(from, name);
    if (own === null) return false;
    return type.kind !== 'struct' || own.type.kind !== 'struct' || hasAllFields(own.type, type);
  });
}

function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}
