/** What each step makes of a table, by the definitions of SQL alone: rows in memory, one after the other. */

import { unreachable } from '../../src/base/index.ts';
import { parseDdl, type Row } from '../../src/schema/index.ts';
import { isTrue, Overflow, valueOf } from './expressions.ts';
import { changeColumns } from './model-columns.ts';
import { mergeRows } from './model-merge.ts';
import { replacedBy } from './model-overwrite.ts';
import { assigned, evolved, fieldAt, fits, readsOnly, settled } from './model-rows.ts';
import {
  canChange,
  type Change,
  type Done,
  done,
  isOn,
  type ModelTable,
  NULL_CODES,
  refused,
  UNFIT,
  type Verdict,
} from './model-table.ts';
import type {
  AppendStep,
  DeleteStep,
  OverwriteStep,
  RuleStep,
  Step,
  UpdateStep,
} from './program.ts';
import { isScalar } from './values.ts';

/** What a step makes of the newest of the states that the table has had. */
export function apply(states: readonly ModelTable[], step: Step): Verdict {
  const table = states.at(-1);
  if (table === undefined) return UNFIT;
  try {
    const verdict = applyTo(table, step, states);
    return verdict.kind === 'done' ? held(table, verdict) : verdict;
  } catch (error) {
    if (error instanceof Overflow) return refused('ENGINE_VALUE', 'MERGE_AMBIGUOUS');
    throw error;
  }
}

/** Rows that come are held to the rules of the table. */
function held(before: ModelTable, verdict: Done): Verdict {
  const { table } = verdict;
  if (table.rows === before.rows) return verdict;
  const codes = [
    ...(table.rows.some((row) => breaksNotNull(row, table)) ? NULL_CODES : []),
    ...(table.rows.some((row) => breaksCheck(row, table)) ? ['RULE_VIOLATED'] : []),
  ];
  return codes.length === 0 ? verdict : refused(...codes);
}

function breaksNotNull(row: Row, { schema }: ModelTable): boolean {
  return schema.fields.some(({ name, nullable }) => !nullable && (row[name] ?? null) === null);
}

function breaksCheck(row: Row, { constraints }: ModelTable): boolean {
  return [...constraints.values()].some((check) => valueOf(check, row) !== true);
}

function applyTo(table: ModelTable, step: Step, states: readonly ModelTable[]): Verdict {
  switch (step.do) {
    case 'append':
    case 'overwrite':
      return write(table, step);
    case 'delete':
      return deleteRows(table, step);
    case 'update':
      return updateRows(table, step);
    case 'merge':
      return mergeRows(table, step);
    case 'restore': {
      const target = states.at(-1 - step.back);
      if (target === undefined || step.back < 1) return UNFIT;
      return { kind: 'done', table: target, changes: null };
    }
    case 'set properties':
      return done({ ...table, properties: { ...table.properties, ...step.set } });
    case 'add constraint':
    case 'drop constraint':
      return changeRules(table, step);
    case 'read':
      return readsOnly(table.schema, step.where) ? done(table) : UNFIT;
    case 'optimize':
      return optimize(table, step.zOrderBy ?? []);
    case 'cluster':
      if (table.partitionBy.length > 0 || !areOrdered(table, step.by)) return UNFIT;
      // Only the first so many columns of a table have bounds, and bytes and booleans none.
      return { ...done({ ...table, clusterBy: step.by }), mayRefuse: ['CLUSTERING_INVALID'] };
    case 'reorg':
    case 'vacuum':
    case 'checkpoint':
    case 'reopen':
      return done(table);
    case 'clone':
      if (step.kind === 'shallow') return done({ ...table, isShallow: true });
      return { ...done(table), ...(table.isShallow ? { mayRefuse: ['CLONE_INVALID'] } : {}) };
    case 'add column':
    case 'drop column':
    case 'rename column':
    case 'widen column':
    case 'move column':
    case 'set nullable':
      return changeColumns(table, step);
    default:
      return unreachable(step);
  }
}

function write(before: ModelTable, step: AppendStep | OverwriteStep): Verdict {
  const incoming = parseDdl(step.schema);
  if (!fits(before.schema, incoming, step)) return UNFIT;
  if (step.evolve === true && step.rows.length === 0) return UNFIT;
  const table = settled({ ...before, schema: evolved(before.schema, incoming) });
  const came = settled({ ...table, rows: step.rows }).rows;
  const inserts = came.map((row): Change => ({ kind: 'insert', row }));
  if (step.do === 'append') {
    return { kind: 'done', table: { ...table, rows: [...table.rows, ...came] }, changes: inserts };
  }
  const replaced = replacedBy(table, step, came);
  if ('kind' in replaced) return replaced;
  const gone = new Set(replaced);
  const deletes = replaced.map((row): Change => ({ kind: 'delete', row }));
  const isPartial = step.where !== undefined || step.using !== undefined;
  return {
    kind: 'done',
    table: { ...table, rows: [...table.rows.filter((row) => !gone.has(row)), ...came] },
    changes: [...deletes, ...inserts],
    ...(isPartial && isOn(table, 'delta.enableChangeDataFeed')
      ? { mayRefuse: ['FEATURE_UNSUPPORTED'] }
      : {}),
  };
}

function deleteRows(table: ModelTable, { where, mode }: DeleteStep): Verdict {
  if (!readsOnly(table.schema, where) || !canChange(table, mode)) return UNFIT;
  const gone = new Set(table.rows.filter((row) => isTrue(where, row)));
  return {
    kind: 'done',
    table: { ...table, rows: table.rows.filter((row) => !gone.has(row)) },
    changes: [...gone].map((row) => ({ kind: 'delete', row })),
  };
}

function updateRows(table: ModelTable, { set, where, mode }: UpdateStep): Verdict {
  const { schema } = table;
  const isFit =
    readsOnly(schema, where, ...set.map(([, value]) => value)) &&
    set.every(([path]) => fieldAt(schema, path) !== null);
  if (!isFit || set.length === 0 || !canChange(table, mode)) return UNFIT;
  const changes: Change[] = [];
  const rows = table.rows.map((row) => {
    if (!isTrue(where, row)) return row;
    const [after = row] = settled({ ...table, rows: [assigned(row, set, row)] }).rows;
    changes.push({ kind: 'update_preimage', row }, { kind: 'update_postimage', row: after });
    return after;
  });
  return { kind: 'done', table: { ...table, rows }, changes };
}

function changeRules(table: ModelTable, step: RuleStep): Verdict {
  const constraints = new Map(table.constraints);
  if (step.do === 'drop constraint') {
    return constraints.delete(step.name) ? done({ ...table, constraints }) : UNFIT;
  }
  if (constraints.has(step.name) || !readsOnly(table.schema, step.check)) return UNFIT;
  constraints.set(step.name, step.check);
  const broken = table.rows.some((row) => valueOf(step.check, row) !== true);
  return broken ? refused('RULE_VIOLATED') : done({ ...table, constraints });
}

function optimize(table: ModelTable, zOrderBy: readonly string[]): Verdict {
  const isPlain = zOrderBy.length === 0;
  return isPlain || (table.clusterBy.length === 0 && areOrdered(table, zOrderBy))
    ? done(table)
    : UNFIT;
}

function areOrdered({ schema, partitionBy }: ModelTable, names: readonly string[]): boolean {
  return names.every((name) => {
    const field = fieldAt(schema, [name]);
    return field !== null && isScalar(field.type) && !partitionBy.includes(name);
  });
}
