/** MERGE as its definition says: pair by pair. */

import {
  findField,
  parseDdl,
  type Row,
  type StructType,
  typeName,
} from '../../src/schema/index.ts';
import { type Expr, isTrue } from './expressions.ts';
import { textOf } from './lines.ts';
import {
  canChange,
  type Change,
  type ModelTable,
  refused,
  UNFIT,
  type Verdict,
} from './model-table.ts';
import { assigned, evolved, fieldAt, fits, readsOnly, settled } from './model-rows.ts';
import type { Assignment, InsertClause, MergeStep, RowClause } from './program.ts';

export function mergeRows(before: ModelTable, step: MergeStep): Verdict {
  const source = parseDdl(step.schema);
  if (!isFit(before, source, step)) return UNFIT;
  const table = settled({ ...before, schema: evolvedBy(before.schema, source, step) });
  const sources = settled({ ...table, schema: source, partitionBy: [], rows: step.rows }).rows;
  const met = new Set<Row>();
  const rows: Row[] = [];
  const changes: Change[] = [];
  const take = (row: Row, result: Row | null): void => {
    if (result === null) changes.push({ kind: 'delete', row });
    else {
      const [after = row] = settled({ ...table, rows: [result] }).rows;
      changes.push({ kind: 'update_preimage', row }, { kind: 'update_postimage', row: after });
      rows.push(after);
    }
  };
  const mayRepeat = step.matched.every((it) => it.when === undefined && 'delete' in it);
  for (const row of table.rows) {
    const matches = sources.filter((s) => isTrue(step.on, { t: row, s }));
    for (const s of matches) met.add(s);
    const pairs: readonly Row[] =
      matches.length === 0 ? [{ t: row }] : matches.map((s) => ({ t: row, s }));
    const clauses = matches.length === 0 ? step.bySource : step.matched;
    const results = pairs.flatMap((pair) => {
      const clause = clauses.find(({ when }) => isTrue(when, pair));
      return clause === undefined ? [] : [resultOf(clause, row, { pair, source })];
    });
    if (results.length > 1 && !mayRepeat) return refused('MERGE_AMBIGUOUS', 'ENGINE_VALUE');
    const [result] = results;
    if (result === undefined) rows.push(row);
    else take(row, result);
  }
  for (const s of sources) {
    const clause = step.inserted.find(({ when }) => isTrue(when, { s }));
    if (met.has(s) || clause === undefined) continue;
    const set = clause.insert === '*' ? everyColumn(source) : clause.insert;
    const [row = {}] = settled({ ...table, rows: [assigned({}, set, { s })] }).rows;
    changes.push({ kind: 'insert', row });
    rows.push(row);
  }
  const isSame = changes.every(({ kind, row }, index) => {
    const next = changes[index + 1]?.row;
    if (kind === 'update_postimage') return true;
    return kind === 'update_preimage' && textOf(row, table.schema) === textOf(next, table.schema);
  });
  // Where nothing changes nothing is committed, new columns neither.
  if (isSame) return { kind: 'done', table: before, changes: [] };
  return { kind: 'done', table: { ...table, rows }, changes };
}

function resultOf(
  clause: RowClause,
  row: Row,
  { pair, source }: { readonly pair: Row; readonly source: StructType },
): Row | null {
  if ('delete' in clause) return null;
  return assigned(row, clause.set === '*' ? everyColumn(source) : clause.set, pair);
}

/** `*`: each column of the source to that of the table. */
function everyColumn({ fields }: StructType): readonly Assignment[] {
  return fields.map(({ name }) => [[name], { column: ['s', name], type: '' }]);
}

function evolvedBy(table: StructType, source: StructType, step: MergeStep): StructType {
  return step.evolve === true ? evolved(table, incoming(source, step)) : table;
}

/** The columns that may grow the table: all where a clause takes all, else those that one assigns. */
function incoming(source: StructType, step: MergeStep): StructType {
  if (takesAll(step)) return source;
  const sets = [
    ...step.matched.map((it) => ('delete' in it ? [] : it.set)),
    ...step.inserted.map(({ insert }) => insert),
  ];
  const names = sets.flatMap((set) => (set === '*' ? [] : set.map(([[name]]) => name)));
  return { ...source, fields: source.fields.filter(({ name }) => names.includes(name)) };
}

function takesAll({ matched, inserted }: MergeStep): boolean {
  return [
    ...matched.map((it) => ('delete' in it ? null : it.set)),
    ...inserted.map((it) => it.insert),
  ].includes('*');
}

function isFit(table: ModelTable, source: StructType, step: MergeStep): boolean {
  const { on, matched, inserted, bySource, evolve } = step;
  if (matched.length + inserted.length + bySource.length === 0) return false;
  if (!canChange(table, step.mode)) return false;
  const both = scopeOf({ t: table.schema, s: source });
  const hasAll = table.schema.fields.every(({ name }) =>
    source.fields.some((field) => field.name === name),
  );
  if (takesAll(step) && !fits(table.schema, source, evolve === true ? { evolve } : {}))
    return false;
  if (takesAll(step) && evolve !== true && !hasAll) return false;
  if (takesAll(step) && !isWhole(table.schema, source)) return false;
  if (evolve === true && !takesAll(step) && growsInside(table.schema, incoming(source, step))) {
    return false;
  }
  return (
    readsOnly(both, on) &&
    matched.every((clause) => isFitClause(clause, table.schema, both)) &&
    bySource.every((clause) => isFitClause(clause, table.schema, scopeOf({ t: table.schema }))) &&
    inserted.every((clause) => isFitInsert(clause, table.schema, scopeOf({ s: source }))) &&
    [matched, inserted, bySource].every((clauses: readonly { readonly when?: Expr }[]) =>
      clauses.slice(0, -1).every(({ when }) => when !== undefined),
    )
  );
}

/** Whether a column that there is would get another type, which what is assigned to it need not have. */
function growsInside(table: StructType, source: StructType): boolean {
  const grown = evolved(table, source);
  return table.fields.some(({ type }, index) => {
    const after = grown.fields[index]?.type;
    return after === undefined || typeName(after) !== typeName(type);
  });
}

/** Whether no struct of the source lacks a field that the table has. */
function isWhole(table: StructType, source: StructType): boolean {
  const both = table.fields.filter(({ name }) => findField(source, name) !== null);
  return fits(source, { ...table, fields: both }, {});
}

function isFitClause(clause: RowClause, table: StructType, scope: StructType): boolean {
  if (!readsOnly(scope, clause.when)) return false;
  return 'delete' in clause || clause.set === '*' || areFit(clause.set, table, scope);
}

function isFitInsert(
  { when, insert }: InsertClause,
  table: StructType,
  scope: StructType,
): boolean {
  return readsOnly(scope, when) && (insert === '*' || areFit(insert, table, scope));
}

function areFit(set: readonly Assignment[], table: StructType, scope: StructType): boolean {
  return set.every(([path, value]) => fieldAt(table, path) !== null && readsOnly(scope, value));
}

/** Names with an alias before them, as fields of structs. */
function scopeOf(sides: Readonly<Record<string, StructType>>): StructType {
  const fields = Object.entries(sides).map(([name, type]) => ({
    name,
    type,
    nullable: true,
    metadata: {},
  }));
  return { kind: 'struct', fields };
}
