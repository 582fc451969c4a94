/** `alter`: properties, features, columns and constraints of a table. */

import type { AlterOutcome, DeltaTable, NewColumnSpec } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface AlterCommandOptions extends CommonOptions {
  readonly set: Readonly<Record<string, string>>;
  readonly unset: readonly string[];
  readonly enable: readonly string[];
  readonly drop: readonly string[];
  readonly addColumn: readonly NewColumnSpec[];
  readonly dropColumn: readonly string[];
  readonly renameColumn: Readonly<Record<string, string>>;
  readonly widenColumn: Readonly<Record<string, string>>;
  readonly comment: Readonly<Record<string, string>>;
  readonly setDefault: Readonly<Record<string, string>>;
  readonly dropDefault: readonly string[];
  readonly setNotNull: readonly string[];
  readonly dropNotNull: readonly string[];
  readonly syncIdentity: readonly string[];
  readonly addConstraint: Readonly<Record<string, string>>;
  readonly dropConstraint: readonly string[];
}

/** One commit for all properties and features that come, one for all new columns, and one for each other change. */
export async function run(text: string, options: AlterCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `altering ${text}`);
  try {
    const table = await environment.openTableToWrite(text);
    const outcomes = await alterAll(table, options);
    for (const { postCommitErrors } of outcomes) warnOf(postCommitErrors);
    const { version } = table.snapshot;
    const kind = outcomes.some((it) => it.kind === 'committed') ? 'committed' : 'unchanged';
    if (options.json === true) await printObject({ kind, version });
    else
      await print(`version ${version}: ${kind === 'committed' ? 'altered' : 'nothing to change'}`);
  } finally {
    await environment.close();
  }
}

async function alterAll(table: DeltaTable, options: AlterCommandOptions): Promise<AlterOutcome[]> {
  const { set, unset, enable, drop } = options;
  const features = enable.map((name) => [`delta.feature.${name}`, 'supported'] as const);
  const outcomes: AlterOutcome[] = [];
  const constraintsFirst = options.dropConstraint.map((name) => () => table.dropConstraint(name));
  const steps = [
    ...constraintsFirst,
    () => table.setProperties({ ...set, ...Object.fromEntries(features) }, { unset }),
    ...drop.map((name) => () => table.dropFeature(name)),
    ...columnSteps(table, options),
    ...Object.entries(options.addConstraint).map(
      ([name, expression]) =>
        () =>
          table.addConstraint(name, expression),
    ),
  ];
  for (const step of steps) outcomes.push(await step());
  return outcomes;
}

/** What goes makes room for what comes. */
function columnSteps(
  table: DeltaTable,
  options: AlterCommandOptions,
): readonly (() => Promise<AlterOutcome>)[] {
  const { addColumn, dropColumn, renameColumn, widenColumn, comment, setDefault } = options;
  const changes = [
    ...Object.entries(comment).map(([column, text]) => [column, { comment: text }] as const),
    ...Object.entries(setDefault).map(([column, text]) => [column, { default: text }] as const),
    ...options.dropDefault.map((column) => [column, { default: null }] as const),
    ...options.dropNotNull.map((column) => [column, { nullable: true }] as const),
    ...options.setNotNull.map((column) => [column, { nullable: false }] as const),
  ];
  return [
    ...(dropColumn.length === 0 ? [] : [() => table.dropColumns(...dropColumn)]),
    ...Object.entries(renameColumn).map(
      ([column, name]) =>
        () =>
          table.renameColumn(column, name),
    ),
    ...(addColumn.length === 0 ? [] : [() => table.addColumns(...addColumn)]),
    ...Object.entries(widenColumn).map(
      ([column, type]) =>
        () =>
          table.widenColumn(column, type),
    ),
    ...changes.map(
      ([column, change]) =>
        () =>
          table.changeColumn(column, change),
    ),
    ...options.syncIdentity.map((column) => () => table.syncIdentity(column)),
  ];
}
