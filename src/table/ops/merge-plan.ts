/** A MERGE in the engine's SQL: clauses put into one CASE, keys taken out of the condition. */

import { present } from '../../base/index.ts';
import {
  identifier,
  type Scope,
  translate,
  translateCondition,
  translateTo,
} from '../../engine/index.ts';
import {
  BYTE,
  conjunctsOf,
  type DataType,
  DOUBLE,
  type Expression,
  expressionColumns,
  findField,
  FLOAT,
  INTEGER,
  isFilled,
  isIdentity,
  LONG,
  parseExpression,
  SHORT,
  type StructField,
  type StructType,
  typesEqual,
} from '../../schema/index.ts';
import { identitiesOf, type Identity, withFills } from './column-fills.ts';
import { mergeClause } from './errors.ts';
import { allOf } from './input-table.ts';
import { MergeScope, type PlanInput, SOURCE_ROW, TARGET } from './merge-scope.ts';
import type { Assignments, NotMatchedClause } from './merge-types.ts';
import { withTime } from './statement-time.ts';

/** The column of `SOURCE` with the number of the clause that a row of the table takes. */
export const CLAUSE = 'clause';

/** A column of single values that the condition wants equal to something of the source, bit for bit. */
export interface MergeKey {
  readonly field: StructField;
  /** Over the source, of the type of the column. */
  readonly sourceSql: string;
}

/** The clauses for rows of the table are numbered: first those for matched rows, then those not matched by the source. */
export interface MergePlan {
  /** Over `TARGET` and `SOURCE`. */
  readonly on: string;
  readonly keys: readonly MergeKey[];
  /** What the condition asks of the table alone. */
  readonly targetCondition: Expression | null;
  /** Columns of the table that the condition, or that of a clause for matched rows, reads. */
  readonly conditionColumns: StructType;
  /** The number of the clause that a matched pair takes, or null. */
  readonly clause: string;
  /** The clauses that delete. */
  readonly deletes: readonly number[];
  /** The clauses that update. */
  readonly updates: readonly number[];
  /** Whether a clause acts on rows that match. */
  readonly changesMatched: boolean;
  /** All that can become of a matched row is that it is deleted, whichever source rows match it. */
  readonly deletesMatched: boolean;
  /** Columns of the table that a clause can change. */
  readonly changing: readonly ChangingColumn[];
  readonly inserts: InsertPlan | null;
  readonly bySource: BySourcePlan | null;
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
  /** Columns that give each row of the source, inserted or not, a number of its own. */
  readonly identities: readonly Identity[];
}

/** What becomes of rows of the table that no source row matches. */
export interface BySourcePlan {
  /** Over `TARGET`: the number of the clause that such a row takes, or null. */
  readonly clause: string;
  /** The lowest number of these clauses. */
  readonly first: number;
  /** True for every row that takes one; null is true for all. */
  readonly condition: Expression | null;
  /** Columns of the table that the conditions read. */
  readonly columns: StructType;
}

/** The value of a column after the merge; `clause` is SQL for the clause that the row takes, null where it takes none. */
export function newValueOf(plan: MergePlan, field: StructField, clause: string): string {
  const old = `${TARGET}.${identifier(field.name)}`;
  const branches = branchesOf(plan, field);
  return branches.size === 0 ? old : caseOf(clause, branches, old);
}

/** As `newValueOf`, of a row that takes a clause which updates: what the source has is not read from the table. */
export function updatedValueOf(plan: MergePlan, field: StructField, clause: string): string {
  const old = sourceKeyOf(plan, field)?.sourceSql ?? `${TARGET}.${identifier(field.name)}`;
  const branches = branchesOf(plan, field);
  return branches.size === 0
    ? old
    : caseOf(clause, branches, isAlwaysAssigned(plan, branches) ? null : old);
}

/** Whether `updatedValueOf` all columns of the table reads the source alone. */
export function updatesFromSource(plan: MergePlan, { fields }: StructType): boolean {
  return (
    updatesMatchedOnly(plan) &&
    plan.changing.every(({ reads }) => reads.fields.length === 0) &&
    fields.every(
      (field) =>
        isAlwaysAssigned(plan, branchesOf(plan, field)) || sourceKeyOf(plan, field) !== null,
    )
  );
}

type Branches = ChangingColumn['branches'];

function branchesOf({ changing }: MergePlan, { name }: StructField): Branches {
  return changing.find(({ field }) => field.name === name)?.branches ?? new Map();
}

function caseOf(clause: string, branches: Branches, otherwise: string | null): string {
  const arms = [...branches].map(([index, sql]) => `WHEN ${String(index)} THEN ${sql}`);
  return `CASE ${clause} ${arms.join(' ')}${otherwise === null ? '' : ` ELSE ${otherwise}`} END`;
}

function isAlwaysAssigned({ updates }: MergePlan, branches: Branches): boolean {
  return updates.every((index) => branches.has(index));
}

/** What the column is equal to, bit for bit, in each row that takes a clause which updates; null where nothing says so. */
function sourceKeyOf(plan: MergePlan, { name }: StructField): MergeKey | null {
  if (!updatesMatchedOnly(plan)) return null;
  return plan.keys.find(({ field }) => field.name === name) ?? null;
}

/** Whether there is a source row to each row that takes a clause which updates. */
function updatesMatchedOnly({ updates, bySource }: MergePlan): boolean {
  return bySource === null || updates.every((index) => index < bySource.first);
}

/** True where one is. */
export function anyOf(conditions: readonly Expression[]): Expression {
  return conditions.reduce((left, right) => ({ kind: 'binary', operator: 'or', left, right }));
}

/**
 * Errors: `MERGE_CLAUSE`, `MERGE_COLUMN`, `EXPRESSION_…` (invalid), `EXPRESSION_UNSUPPORTED` (unsupported).
 */
export function planMerge(input: PlanInput): MergePlan {
  return new Planner(input).plan();
}

/** A clause for rows of the table. */
interface RowClause {
  readonly condition: Expression | null;
  /** Null where it deletes. */
  readonly update: ReadonlyMap<StructField, Expression> | null;
  /** What its conditions and values may read. */
  readonly scope: Scope;
}

class Planner {
  readonly #schema: StructType;
  readonly #source: StructType;
  readonly #spec: PlanInput['spec'];
  readonly #names: MergeScope;
  readonly #nowMs: number;

  constructor(input: PlanInput) {
    this.#schema = input.schema;
    this.#source = input.source;
    this.#spec = input.spec;
    this.#names = new MergeScope(input);
    this.#nowMs = input.nowMs;
  }

  plan(): MergePlan {
    const { whenMatched = [], whenNotMatched = [], whenNotMatchedBySource = [] } = this.#spec;
    if (whenMatched.length + whenNotMatched.length + whenNotMatchedBySource.length === 0) {
      throw mergeClause('it has no clause; say what is to be done with rows that match, or do not');
    }
    checkOrder(whenMatched, 'matched');
    checkOrder(whenNotMatched, 'not matched');
    checkOrder(whenNotMatchedBySource, 'not matched by source');
    const on = withTime(parseExpression(this.#spec.on), this.#nowMs);
    const { both } = this.#names;
    const matched = whenMatched.map((clause) => this.#rowClause(clause, both));
    const bySource = whenNotMatchedBySource.map((clause) =>
      this.#rowClause(clause, this.#names.target),
    );
    const clauses = [...matched, ...bySource];
    const keys = conjunctsOf(on).flatMap((conjunct) => this.#keyOf(conjunct) ?? []);
    return {
      on: translateCondition(on, both),
      keys,
      targetCondition: this.#targetCondition(on),
      conditionColumns: this.#names.targetColumns([on, ...conditionsOf(matched)]),
      clause: clauseOf(matched),
      deletes: clauses.flatMap(({ update }, index) => (update === null ? [index] : [])),
      updates: clauses.flatMap(({ update }, index) => (update === null ? [] : [index])),
      changesMatched: matched.length > 0,
      deletesMatched: matched.every(
        ({ condition, update }) => condition === null && update === null,
      ),
      changing: this.#changing(clauses, keys),
      inserts: this.#inserts(whenNotMatched),
      bySource: this.#bySource(bySource, matched.length),
    };
  }

  get #evolves(): boolean {
    return this.#spec.evolve !== undefined && this.#spec.evolve !== 'none';
  }

  #rowClause(
    clause: { readonly condition?: string } & (
      { readonly update: '*' | Assignments } | { readonly delete: true }
    ),
    scope: Scope,
  ): RowClause {
    const update = 'delete' in clause ? null : this.#updated(clause.update);
    return { condition: this.#parsed(clause.condition), update, scope };
  }

  #parsed(text: string | undefined): Expression | null {
    return text === undefined ? null : withTime(parseExpression(text), this.#nowMs);
  }

  /** A key that is assigned what it was matched by stays as it is. */
  #changing(clauses: readonly RowClause[], keys: readonly MergeKey[]): readonly ChangingColumn[] {
    return this.#schema.fields.flatMap((field) => {
      const values: Expression[] = [];
      const branches = new Map<number, string>();
      for (const [index, { update, scope }] of clauses.entries()) {
        const value = update?.get(field);
        if (value === undefined) continue;
        const sql = translateTo(value, scope, field.type, { fillFields: this.#evolves });
        if (keys.some((key) => key.field === field && key.sourceSql === sql)) continue;
        values.push(value);
        branches.set(index, sql);
      }
      if (branches.size === 0) return [];
      return [{ field, reads: this.#names.targetColumns(values), branches }];
    });
  }

  #inserts(clauses: readonly NotMatchedClause[]): InsertPlan | null {
    if (clauses.length === 0) return null;
    const { source, newRow } = this.#names;
    const rows = clauses.map(({ condition }) => ({
      condition: this.#parsed(condition),
      scope: source,
    }));
    const inserted = clauses.map(({ insert }) => this.#inserted(insert));
    const fills = { rows: { kind: 'new', place: SOURCE_ROW }, nowMs: this.#nowMs } as const;
    const assigned = inserted.map((values) => withFills(this.#schema, values, fills));
    const values = this.#schema.fields.map((field) => {
      const cases = assigned.map((assignments, index) => {
        const value = present(assignments.get(field), 'the value of a column');
        const options = { fillFields: this.#evolves };
        return `WHEN ${String(index)} THEN ${translateTo(value, newRow, field.type, options)}`;
      });
      return [field.name, `CASE ${clauseOf(rows)} ${cases.join(' ')} END`] as const;
    });
    return {
      condition: `(${clauseOf(rows)}) IS NOT NULL`,
      values: new Map(values),
      identities: identitiesOf(this.#schema).filter(({ field }) =>
        inserted.some((each) => !each.has(field)),
      ),
    };
  }

  #bySource(clauses: readonly RowClause[], first: number): BySourcePlan | null {
    if (clauses.length === 0) return null;
    const conditions = conditionsOf(clauses);
    const isForAll = conditions.length < clauses.length;
    return {
      clause: clauseOf(clauses, first),
      first,
      condition: isForAll ? null : anyOf(conditions.map((it) => this.#names.withoutAlias(it))),
      columns: this.#names.targetColumns(conditions),
    };
  }

  #updated(clause: '*' | Assignments): ReadonlyMap<StructField, Expression> {
    const before = (field: StructField): Expression => this.#names.before(field);
    const fills = { rows: { kind: 'old', before }, nowMs: this.#nowMs } as const;
    return withFills(this.#schema, this.#assigned(clause), fills);
  }

  #assigned(clause: '*' | Assignments): ReadonlyMap<StructField, Expression> {
    if (clause !== '*') return this.#names.updated(clause);
    const fields = this.#taken().filter((field) => !isIdentity(field));
    return new Map(fields.map((field) => [field, this.#fromSource(field, 'old')]));
  }

  #inserted(clause: '*' | Assignments): ReadonlyMap<StructField, Expression> {
    if (clause !== '*') return this.#names.inserted(clause);
    return new Map(this.#taken().map((field) => [field, this.#fromSource(field, 'new')]));
  }

  #fromSource(field: StructField, row: 'old' | 'new'): Expression {
    return this.#evolves
      ? this.#names.mergedFromSource(field, row)
      : this.#names.ofSource(field.name);
  }

  /** The columns that `*` takes from the source: all, but such as need not come. */
  #taken(): readonly StructField[] {
    return this.#schema.fields.filter(
      (field) =>
        findField(this.#source, field.name) !== null || !(this.#evolves || isFilled(field)),
    );
  }

  /** `t.a = <something of the source>`, either way round. */
  #keyOf(conjunct: Expression): MergeKey | null {
    if (conjunct.kind !== 'binary' || conjunct.operator !== '=') return null;
    const { left, right } = conjunct;
    return this.#keyFrom(left, right) ?? this.#keyFrom(right, left);
  }

  #keyFrom(target: Expression, source: Expression): MergeKey | null {
    if (target.kind !== 'column' || this.#names.readsTarget(source)) return null;
    const field = this.#names.targetField(target.path);
    if (field === null || expressionColumns(source).length === 0) return null;
    const { type } = translate(source, this.#names.source);
    if (!isOrderedAlike(type, field.type)) return null;
    return { field, sourceSql: translateTo(source, this.#names.source, field.type) };
  }

  #targetCondition(on: Expression): Expression | null {
    const own = conjunctsOf(on).filter(
      (conjunct) => this.#names.readsTarget(conjunct) && !this.#names.readsSource(conjunct),
    );
    return allOf(own.map((conjunct) => this.#names.withoutAlias(conjunct)));
  }
}

const INTEGRAL: readonly DataType[] = [BYTE, SHORT, INTEGER, LONG];

/** Whether both are single values, and every one of `from` is one of `to`; else equal ones need not have an order in common. */
function isOrderedAlike(from: DataType, to: DataType): boolean {
  if (!isSingle(to)) return false;
  const rank = (type: DataType): number => INTEGRAL.findIndex((other) => typesEqual(other, type));
  // Of zeros and NaN, floats that are equal need not be the same.
  if (typesEqual(to, FLOAT) || typesEqual(to, DOUBLE)) return false;
  return typesEqual(from, to) || (rank(from) >= 0 && rank(from) <= rank(to));
}

function isSingle({ kind }: DataType): boolean {
  return kind === 'primitive' || kind === 'decimal';
}

/** Only the last of several clauses may be without a condition: those after it would never be taken. */
function checkOrder(clauses: readonly { readonly condition?: string }[], name: string): void {
  if (clauses.slice(0, -1).some(({ condition }) => condition === undefined)) {
    throw mergeClause(`of the clauses for ${name} rows, only the last may be without a condition`);
  }
}

function conditionsOf(clauses: readonly RowClause[]): readonly Expression[] {
  return clauses.flatMap(({ condition }) => condition ?? []);
}

/** The number, counted from `first`, of the first clause whose condition is true, or null. */
function clauseOf(clauses: readonly Pick<RowClause, 'condition' | 'scope'>[], first = 0): string {
  if (clauses.length === 0) return 'NULL::INTEGER';
  const arms = clauses.map(({ condition, scope }, index) => {
    const when = condition === null ? 'TRUE' : translateCondition(condition, scope);
    return `WHEN ${when} THEN ${String(first + index)}`;
  });
  return `CASE ${arms.join(' ')} END`;
}
