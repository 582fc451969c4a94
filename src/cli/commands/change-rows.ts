/** What `delete` and `update` have in common: their options, and how they tell what they did. */

import type { RowChangeMode, RowChangeOptions, RowChangeOutcome } from '../../table/index.ts';
import { counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface ChangeRowsCommandOptions extends CommonOptions {
  readonly where?: string;
  readonly mode?: RowChangeMode;
  readonly dryRun?: boolean;
}

export function changeOptions({ where, mode, dryRun }: ChangeRowsCommandOptions): RowChangeOptions {
  return {
    ...(where === undefined ? {} : { where }),
    ...(mode === undefined ? {} : { mode }),
    ...(dryRun === undefined ? {} : { dryRun }),
  };
}

/** `done` is the verb's participle: `deleted`. */
export async function printChange(
  { postCommitErrors, ...facts }: RowChangeOutcome,
  done: string,
  { json }: CommonOptions,
): Promise<void> {
  warnOf(postCommitErrors);
  if (json === true) {
    await printObject(facts);
    return;
  }
  const { kind, version, rows, files } = facts;
  const isPlan = kind === 'planned';
  for (const { path, fate, rowCount } of isPlan ? files : []) {
    await print(`${fate} ${path}: ${counted(rowCount, 'row')}`);
  }
  const where = `in ${counted(files.length, 'file')}`;
  await print(
    `version ${version}: ${isPlan ? 'would be done: ' : ''}${counted(rows, 'row')} ${done} ${where}`,
  );
}
