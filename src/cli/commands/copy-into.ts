/** `copy-into`: files below a prefix into a table, each once, ever. */

import type { CopyIntoOptions } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { counted, print, printError, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface CopyIntoCommandOptions
  extends CommonOptions, Pick<CopyIntoOptions, 'pattern' | 'format' | 'evolve' | 'force'> {
  readonly skipBad?: boolean;
}

export async function run(
  text: string,
  from: string,
  options: CopyIntoCommandOptions,
): Promise<void> {
  const environment = await openEnvironment(options, `loading ${from} into ${text}`);
  const { pattern, format, evolve, force, skipBad = false } = options;
  try {
    const table = await environment.openTableToWrite(text);
    const { postCommitErrors, ...facts } = await table.copyInto({
      from,
      ...(pattern === undefined ? {} : { pattern }),
      ...(format === undefined ? {} : { format }),
      ...(evolve === undefined ? {} : { evolve }),
      ...(force === undefined ? {} : { force }),
      onBadFile: skipBad ? 'skip' : 'stop',
      signal: environment.signal,
    });
    warnOf(postCommitErrors);
    if (options.json === true) {
      await printObject(facts);
      return;
    }
    const { version, loadedCount, rowCount, skippedCount, changedCount, rejected } = facts;
    for (const { path, code, reason } of rejected)
      printError(`left out: ${path}: ${code}: ${reason}`);
    const loaded = `${counted(loadedCount, 'file')} loaded, ${counted(rowCount, 'row')}`;
    const changed = changedCount === 0 ? '' : ` (${String(changedCount)} changed since)`;
    const others = `${String(skippedCount)} skipped${changed}, ${String(rejected.length)} rejected`;
    await print(`version ${version}: ${loaded}; ${others}`);
  } finally {
    await environment.close();
  }
}
