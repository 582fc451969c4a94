/** The steps of programs by the operations of a table. */

import { unreachable } from '../../src/base/index.ts';
import type { MatchedClause, NotMatchedBySourceClause } from '../../src/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import type { DeltaTable } from '../../src/table/index.ts';
import { sqlOf } from './expressions.ts';
import { quoted } from './literals.ts';
import type { Assignment, MergeStep, Path, RowClause, Step } from './program.ts';

/** Steps that another table comes of are not for this. */
export type TableStep = Exclude<Step, { readonly do: 'restore' | 'reopen' | 'clone' | 'read' }>;

export async function perform(table: DeltaTable, step: TableStep): Promise<void> {
  switch (step.do) {
    case 'append':
      await table.append(sourceOf(step), evolving(step));
      return;
    case 'overwrite':
      await table.overwrite(sourceOf(step), {
        ...evolving(step),
        ...(step.where === undefined ? {} : { replaceWhere: sqlOf(step.where) }),
        ...(step.using === undefined ? {} : { replaceUsing: step.using }),
        ...(step.dynamic === undefined ? {} : { partitionOverwriteMode: 'dynamic' }),
      });
      return;
    case 'delete':
      await table.delete(selecting(step));
      return;
    case 'update':
      await table.update({ set: assignments(step.set), ...selecting(step) });
      return;
    case 'merge':
      await table.merge(mergeSpec(step));
      return;
    case 'optimize':
      await table.optimize(step.zOrderBy === undefined ? {} : { zOrderBy: step.zOrderBy });
      return;
    case 'cluster':
      await table.clusterBy(...step.by);
      return;
    case 'reorg':
      await table.reorg();
      return;
    case 'vacuum':
      await table.vacuum({ dryRun: true });
      return;
    case 'checkpoint':
      await table.checkpoint();
      return;
    case 'add column': {
      const position = step.first === true ? ({ position: 'first' } as const) : {};
      await table.addColumns({ column: pathText(step.path), type: step.type, ...position });
      return;
    }
    case 'drop column':
      await table.dropColumns(pathText(step.path));
      return;
    case 'rename column':
      await table.renameColumn(pathText(step.path), step.name);
      return;
    case 'widen column':
      await table.widenColumn(pathText(step.path), step.type);
      return;
    case 'move column':
      await table.changeColumn(pathText(step.path), { position: 'first' });
      return;
    case 'set nullable':
      await table.changeColumn(quoted(step.column), { nullable: step.nullable });
      return;
    case 'add constraint':
      await table.addConstraint(step.name, sqlOf(step.check));
      return;
    case 'drop constraint':
      await table.dropConstraint(step.name);
      return;
    case 'set properties':
      await table.setProperties(step.set);
      return;
    default:
      unreachable(step);
  }
}

type RowsStep = Extract<Step, { readonly schema: string }>;

function sourceOf({ rows, schema, evolve }: RowsStep) {
  return evolve === true ? { rows, schema: parseDdl(schema) } : { rows };
}

function evolving({ evolve }: RowsStep) {
  return evolve === true ? ({ evolve: 'add' } as const) : {};
}

function selecting({ where, mode }: Extract<Step, { readonly do: 'delete' | 'update' }>) {
  return {
    ...(where === undefined ? {} : { where: sqlOf(where) }),
    ...(mode === undefined ? {} : { mode }),
  };
}

function mergeSpec(step: MergeStep): Parameters<DeltaTable['merge']>[0] {
  const when = ({ when }: { readonly when?: MergeStep['on'] }) =>
    when === undefined ? {} : { condition: sqlOf(when) };
  const bySource = step.bySource.map((clause): NotMatchedBySourceClause => {
    if ('delete' in clause) return { ...when(clause), delete: true };
    return { ...when(clause), update: clause.set === '*' ? {} : assignments(clause.set) };
  });
  const matched = step.matched.map((clause: RowClause): MatchedClause => {
    if ('delete' in clause) return { ...when(clause), delete: true };
    return { ...when(clause), update: clause.set === '*' ? '*' : assignments(clause.set) };
  });
  return {
    source: { rows: step.rows, schema: parseDdl(step.schema) },
    on: sqlOf(step.on),
    whenMatched: matched,
    whenNotMatchedBySource: bySource,
    whenNotMatched: step.inserted.map((clause) => ({
      ...when(clause),
      insert: clause.insert === '*' ? '*' : assignments(clause.insert),
    })),
    ...evolving(step),
    ...(step.mode === undefined ? {} : { mode: step.mode }),
  };
}

function assignments(set: readonly Assignment[]): Readonly<Record<string, string>> {
  return Object.fromEntries(set.map(([path, value]) => [pathText(path), sqlOf(value)]));
}

export function pathText(path: Path): string {
  return path.map(quoted).join('.');
}
