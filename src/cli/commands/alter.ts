/** `alter`: properties and features of a table. */

import type { AlterOutcome, DeltaTable } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface AlterCommandOptions extends CommonOptions {
  readonly set: Readonly<Record<string, string>>;
  readonly unset: readonly string[];
  readonly enable: readonly string[];
  readonly drop: readonly string[];
}

/** One commit for all properties and features that come, and one for each feature that goes. */
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
  const outcomes = [
    await table.setProperties({ ...set, ...Object.fromEntries(features) }, { unset }),
  ];
  for (const name of drop) outcomes.push(await table.dropFeature(name));
  return outcomes;
}
