/** `cleanup`: the log of a table without what is older than it is to be kept. */

import { openEnvironment } from '../environment.ts';
import { counted, print, printObject } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface CleanupCommandOptions extends CommonOptions {
  readonly dryRun?: boolean;
}

export async function run(text: string, options: CleanupCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `cleaning up the log of ${text}`);
  const { dryRun = false } = options;
  try {
    const table = await environment.openTable(text);
    const result = await table.cleanUpLog({ dryRun });
    if (options.json === true) {
      await printObject({ ...result });
      return;
    }
    const { kind, reason, keepFrom, paths } = result;
    if (kind === 'nothing') {
      await print(`nothing to delete: ${reason ?? ''}`);
      return;
    }
    for (const path of dryRun ? paths : []) await print(path);
    const done = kind === 'planned' ? 'would be deleted' : 'deleted';
    await print(`${counted(paths.length, 'file')} ${done}; versions from ${keepFrom ?? 0} on stay`);
  } finally {
    await environment.close();
  }
}
