/** `update`: the rows that a condition selects get new values. */

import { openEnvironment } from '../environment.ts';
import { changeOptions, type ChangeRowsCommandOptions, printChange } from './change-rows.ts';

export interface UpdateCommandOptions extends ChangeRowsCommandOptions {
  readonly set: Readonly<Record<string, string>>;
}

export async function run(text: string, options: UpdateCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `updating ${text}`);
  try {
    const table = await environment.openTableToWrite(text);
    const { signal } = environment;
    const outcome = await table.update({ ...changeOptions(options), set: options.set, signal });
    await printChange(outcome, 'updated', options);
  } finally {
    await environment.close();
  }
}
