/** `checksum`: how a user proves that two engines see the same table. */

import { openEnvironment, travelOf, type TravelCommandOptions } from '../environment.ts';
import { print, printObject } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export async function run(
  text: string,
  options: CommonOptions & TravelCommandOptions,
): Promise<void> {
  const environment = await openEnvironment(options, `reading ${text}`);
  try {
    const table = await environment.openTable(text, travelOf(options));
    const { rows, sha256 } = await table.checksum({ signal: environment.signal });
    const { version } = table.snapshot;
    if (options.json === true) await printObject({ version, rows, sha256 });
    else await print(`${sha256}  ${rows} rows, version ${version}`);
  } finally {
    await environment.close();
  }
}
