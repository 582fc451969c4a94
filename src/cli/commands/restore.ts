/** `restore`: an older version of a table, brought back. */

import { openEnvironment, type TravelCommandOptions, travelOf } from '../environment.ts';
import { counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface RestoreCommandOptions extends CommonOptions, TravelCommandOptions {
  readonly ignoreMissing?: boolean;
}

export async function run(text: string, options: RestoreCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `restoring ${text}`);
  const { ignoreMissing = false } = options;
  try {
    const table = await environment.openTableToWrite(text);
    const { postCommitErrors, ...facts } = await table.restore({
      ...travelOf(options),
      ignoreMissing,
      signal: environment.signal,
    });
    warnOf(postCommitErrors);
    if (options.json === true) {
      await printObject(facts);
      return;
    }
    const { version, restoredVersion, filesRestored, filesRemoved, missing } = facts;
    const lost = missing.length === 0 ? '' : `, ${missing.length} left out`;
    const done = `${counted(filesRestored, 'file')} brought back${lost}, ${filesRemoved} taken out`;
    await print(`version ${version} is as version ${restoredVersion} was: ${done}`);
  } finally {
    await environment.close();
  }
}
