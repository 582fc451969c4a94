/** `delete`: the rows that a condition selects leave a table. */

import { openEnvironment } from '../environment.ts';
import { changeOptions, type ChangeRowsCommandOptions, printChange } from './change-rows.ts';

export async function run(text: string, options: ChangeRowsCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `deleting from ${text}`);
  try {
    const table = await environment.openTableToWrite(text);
    const { signal } = environment;
    const outcome = await table.delete({ ...changeOptions(options), signal });
    await printChange(outcome, 'deleted', options);
  } finally {
    await environment.close();
  }
}
