/** A MERGE in the engine's SQL: names resolved, clauses put into one CASE, keys taken out of the condition. */

import {
  identifier,
  type Scope,
  scopeOf,
  translate,
  translateCondition,
  translateTo,
} from '../../engine/index.ts';
import {
  BYTE,
  type DataType,
  DOUBLE,
  type Expression,
  expressionColumns,
  findField,
  FLOAT,
  INTEGER,
  LONG,
  mapColumns,
  parseExpression,
  SHORT,
  type StructField,
  type StructType,
  typesEqual,
  VOID,
} from '../../schema/index.ts';
import { mergeClause, mergeColumn } from './errors.ts';
import { allOf } from './input-table.ts';
import type { Assignments, MatchedClause, MergeSpec, NotMatchedClause } from './merge-types.ts';

/** The alias of the table's rows in the SQL. */
export const TARGET = 't';
/** The alias of the source's rows; with a space, which no column of a table without column mapping has in its name. */
export const SOURCE = '"source row"';
/** The aliases that users write, unless they choose others. */
const TARGET_ALIAS = 't';
const SOURCE_ALIAS = 's';
/** The column of `SOURCE` with the number of the clause that a matched row takes. */
export const CLAUSE = 'clause';

/** A column of the table that the condition wants equal to something of the source. */
export interface MergeKey {
  readonly field: StructField;
  /** Over the source, of the type of the column. */
  readonly sourceSql: string;
}

export interface MergePlan {
  /** Over `TARGET` and `SOURCE`. */
  readonly on: string;
  readonly keys: readonly MergeKey[];
  /** What the condition asks of the table alone. */
  readonly targetCondition: Expression | null;
  /** Columns of the table that the condition, or that of a clause, reads. */
  readonly conditionColumns: StructType;
  /** The number of the clause that a matched pair takes, or null. */
  readonly clause: string;
  /** The clauses that delete. */
  readonly deletes: readonly number[];
  /** All that can become of a matched row is that it is deleted. */
  readonly deletesOnly: boolean;
  /** Columns of the table that a clause can change. */
  readonly changing: readonly ChangingColumn[];
  readonly inserts: InsertPlan | null;
}

export interface ChangingColumn {
  readonly field: StructField;
  /** Columns of the table that its new values are made of. */
  readonly reads: StructType;
  /** By number of the clause, over the row and its source row. */
  readonly branches: ReadonlyMap<number, string>;
}

export interface InsertPlan {
  /** Over the source: whether a row that matches nothing is inserted. */
  readonly condition: string;
  /** By column of the table, over the source. */
  readonly values: ReadonlyMap<string, string>;
}

/** The value of a column after the merge; `clause` is SQL for the clause that the row takes, null where it takes none. */
export function newValueOf(plan: MergePlan, name: string, clause: string): string {
  const old = `${TARGET}.${identifier(name)}`;
  const column = plan.changing.find(({ field }) => field.name === name);
  if (column === undefined) return old;
  const arms = [...column.branches].map(([index, sql]) => `WHEN ${String(index)} THEN ${sql}`);
  return `CASE ${clause} ${arms.join(' ')} ELSE ${old} END`;
}

/** What a plan is made over. */
export interface PlanInput {
  readonly schema: StructType;
  /** The source's columns, in the order of the columns of `sourceColumn`. */
  readonly source: StructType;
  readonly spec: Pick<
    MergeSpec,
    'on' | 'targetAlias' | 'sourceAlias' | 'whenMatched' | 'whenNotMatched' | 'evolve'
  >;
}

/** The name of a source column in the engine: by place, since its own may differ from another's only by case. */
export function sourceColumn(index: number): string {
  return identifier(`c${String(index)}`);
}

/**
 * Errors: `MERGE_CLAUSE`, `MERGE_COLUMN`, `EXPRESSION_…` (invalid), `EXPRESSION_UNSUPPORTED` (unsupported).
 */
export function planMerge(input: PlanInput): MergePlan {
  return new Planner(input).plan();
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

class Planner {
  readonly #schema: StructType;
  readonly #source: StructType;
  readonly #spec: PlanInput['spec'];
  readonly #targetAlias: string;
  readonly #sourceAlias: string;
  readonly #targetScope: Scope;
  readonly #sourceScope: Scope;

  constructor({ schema, source, spec }: PlanInput) {
    this.#schema = schema;
    this.#source = source;
    this.#spec = spec;
    this.#targetAlias = spec.targetAlias ?? TARGET_ALIAS;
    this.#sourceAlias = spec.sourceAlias ?? SOURCE_ALIAS;
    if (sameName(this.#targetAlias, this.#sourceAlias)) {
      throw mergeClause(`table and source have the same alias, ${this.#sourceAlias}`);
    }
    this.#targetScope = scopeOf(schema, TARGET).map((column) => ({
      ...column,
      qualifier: this.#targetAlias,
    }));
    this.#sourceScope = source.fields.map(({ name, type }, index) => ({
      qualifier: this.#sourceAlias,
      name,
      type,
      sql: `${SOURCE}.${sourceColumn(index)}`,
    }));
  }

  plan(): MergePlan {
    const { whenMatched = [], whenNotMatched = [] } = this.#spec;
    if (whenMatched.length + whenNotMatched.length === 0) {
      throw mergeClause('it has no clause; say what is to be done with rows that match, or do not');
    }
    checkOrder(whenMatched, 'matched');
    checkOrder(whenNotMatched, 'not matched');
    const on = parseExpression(this.#spec.on);
    const conditions = whenMatched.map(({ condition }) => parsed(condition));
    const read = [on, ...conditions.filter((condition) => condition !== null)];
    const keys = conjunctsOf(on).flatMap((conjunct) => this.#keyOf(conjunct) ?? []);
    return {
      on: translateCondition(on, this.#both),
      keys,
      targetCondition: this.#targetCondition(on),
      conditionColumns: this.#targetColumns(read),
      clause: caseOf(
        conditions.map((condition) =>
          condition === null ? 'TRUE' : translateCondition(condition, this.#both),
        ),
      ),
      deletes: whenMatched.flatMap((clause, index) => ('delete' in clause ? [index] : [])),
      deletesOnly: whenMatched.every(
        (clause) => 'delete' in clause && clause.condition === undefined,
      ),
      changing: this.#changing(whenMatched, keys),
      inserts: this.#inserts(whenNotMatched),
    };
  }

  get #evolves(): boolean {
    return this.#spec.evolve === 'add';
  }

  get #both(): Scope {
    return [...this.#targetScope, ...this.#sourceScope];
  }

  /** A key that is assigned what it was matched by stays as it is. */
  #changing(
    clauses: readonly MatchedClause[],
    keys: readonly MergeKey[],
  ): readonly ChangingColumn[] {
    const assigned = clauses.map((clause) =>
      'delete' in clause ? null : this.#assignments(clause.update),
    );
    return this.#schema.fields.flatMap((field) => {
      const values: Expression[] = [];
      const branches = new Map<number, string>();
      for (const [index, assignments] of assigned.entries()) {
        const value = assignments?.get(field);
        if (value === undefined) continue;
        const sql = translateTo(value, this.#both, field.type);
        if (keys.some((key) => key.field === field && key.sourceSql === sql)) continue;
        values.push(value);
        branches.set(index, sql);
      }
      return branches.size === 0 ? [] : [{ field, reads: this.#targetColumns(values), branches }];
    });
  }

  #inserts(clauses: readonly NotMatchedClause[]): InsertPlan | null {
    if (clauses.length === 0) return null;
    const scope = this.#sourceScope;
    const conditions = clauses.map(({ condition }) => {
      const expression = parsed(condition);
      return expression === null ? 'TRUE' : translateCondition(expression, scope);
    });
    const assigned = clauses.map(({ insert }) => this.#assignments(insert));
    const values = this.#schema.fields.map((field) => {
      const cases = assigned.map((assignments, index) => {
        const value = assignments.get(field) ?? NULL;
        const options = { fillFields: this.#evolves };
        return `WHEN ${String(index)} THEN ${translateTo(value, scope, field.type, options)}`;
      });
      return [field.name, `CASE ${caseOf(conditions)} ${cases.join(' ')} END`] as const;
    });
    return { condition: `(${caseOf(conditions)}) IS NOT NULL`, values: new Map(values) };
  }

  #assignments(clause: '*' | Assignments): ReadonlyMap<StructField, Expression> {
    if (clause === '*') {
      const fields = this.#evolves
        ? this.#schema.fields.filter(({ name }) => findField(this.#source, name) !== null)
        : this.#schema.fields;
      return new Map(fields.map((field) => [field, this.#ofSource(field.name)]));
    }
    const assigned = new Map<StructField, Expression>();
    for (const [name, text] of Object.entries(clause)) {
      const field = this.#assignable(name);
      if (assigned.has(field)) throw mergeColumn(name, 'is assigned twice in one clause');
      assigned.set(field, parseExpression(text));
    }
    return assigned;
  }

  #ofSource(name: string): Expression {
    if (findField(this.#source, name) === null) {
      throw mergeColumn(name, 'is in the table but not in the source, which `*` takes it from');
    }
    return { kind: 'column', path: [this.#sourceAlias, name] };
  }

  #assignable(name: string): StructField {
    const target = parseExpression(name);
    const path = target.kind === 'column' ? target.path : [];
    const [first = '', second] = path;
    const column = second !== undefined && sameName(first, this.#targetAlias) ? second : first;
    const field = path.length > 2 ? null : findField(this.#schema, column);
    if (field === null)
      throw mergeColumn(name, 'cannot be assigned: the table has none of that name');
    return field;
  }

  /** `t.a = <something of the source>`, either way round. */
  #keyOf(conjunct: Expression): MergeKey | null {
    if (conjunct.kind !== 'binary' || conjunct.operator !== '=') return null;
    const { left, right } = conjunct;
    return this.#keyFrom(left, right) ?? this.#keyFrom(right, left);
  }

  #keyFrom(target: Expression, source: Expression): MergeKey | null {
    if (target.kind !== 'column' || this.#sidesOf(source).has(TARGET)) return null;
    const field = this.#targetField(target.path);
    if (field === null || expressionColumns(source).length === 0) return null;
    const { type } = translate(source, this.#sourceScope);
    if (!isOrderedAlike(type, field.type)) return null;
    return { field, sourceSql: translateTo(source, this.#sourceScope, field.type) };
  }

  #targetCondition(on: Expression): Expression | null {
    const own = conjunctsOf(on).filter((conjunct) => {
      const sides = this.#sidesOf(conjunct);
      return sides.has(TARGET) && !sides.has(SOURCE);
    });
    return allOf(
      own.map((conjunct) =>
        mapColumns(conjunct, (path) => ({
          kind: 'column',
          path:
            sameName(path[0] ?? '', this.#targetAlias) && path.length > 1 ? path.slice(1) : path,
        })),
      ),
    );
  }

  #targetColumns(expressions: readonly Expression[]): StructType {
    const read = new Set(
      expressions
        .flatMap(expressionColumns)
        .flatMap((path) => this.#targetColumnOf(path)?.name ?? []),
    );
    return { ...this.#schema, fields: this.#schema.fields.filter(({ name }) => read.has(name)) };
  }

  #sidesOf(expression: Expression): ReadonlySet<string> {
    return new Set(
      expressionColumns(expression).map((path) =>
        this.#targetColumnOf(path) === null ? SOURCE : TARGET,
      ),
    );
  }

  /** A column of the table itself, not a field inside one. */
  #targetField(path: readonly string[]): StructField | null {
    const field = this.#targetColumnOf(path);
    const isQualified = sameName(path[0] ?? '', this.#targetAlias) && path.length === 2;
    return isQualified || path.length === 1 ? field : null;
  }

  /** The column of the table that a name starts with, or null where it is one of the source. */
  #targetColumnOf([first = '', second]: readonly string[]): StructField | null {
    if (second !== undefined && sameName(first, this.#targetAlias)) {
      const field = findField(this.#schema, second);
      if (field !== null) return field;
    }
    const ofSource = second !== undefined && sameName(first, this.#sourceAlias);
    return ofSource && findField(this.#source, second) !== null
      ? null
      : findField(this.#schema, first);
  }
}

const INTEGRAL: readonly DataType[] = [BYTE, SHORT, INTEGER, LONG];

/** Whether every value of `from` is one of `to`; else equal values need not have an order in common. */
function isOrderedAlike(from: DataType, to: DataType): boolean {
  const rank = (type: DataType): number => INTEGRAL.findIndex((other) => typesEqual(other, type));
  // Of zeros and NaN, floats that are equal need not be the same.
  if (typesEqual(to, FLOAT) || typesEqual(to, DOUBLE)) return false;
  return typesEqual(from, to) || (rank(from) >= 0 && rank(from) <= rank(to));
}

const NULL: Expression = { kind: 'literal', value: null, type: VOID };

function parsed(text: string | undefined): Expression | null {
  return text === undefined ? null : parseExpression(text);
}

/** Only the last of several clauses may be without a condition: those after it would never be taken. */
function checkOrder(clauses: readonly { readonly condition?: string }[], name: string): void {
  if (clauses.slice(0, -1).some(({ condition }) => condition === undefined)) {
    throw mergeClause(`of the clauses for ${name} rows, only the last may be without a condition`);
  }
}

/** The number of the first condition that is true, or null. */
function caseOf(conditions: readonly string[]): string {
  if (conditions.length === 0) return 'NULL::INTEGER';
  const arms = conditions.map((condition, index) => `WHEN ${condition} THEN ${String(index)}`);
  return `CASE ${arms.join(' ')} END`;
}

function conjunctsOf(expression: Expression): readonly Expression[] {
  if (expression.kind !== 'binary' || expression.operator !== 'and') return [expression];
  return [...conjunctsOf(expression.left), ...conjunctsOf(expression.right)];
}

function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}
