/** `clone`: a copy of a table, or a table over the same files. */

import { openEnvironment, type TravelCommandOptions, travelOf } from '../environment.ts';
import { bytesText, counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface CloneCommandOptions extends CommonOptions, TravelCommandOptions {
  readonly shallow?: boolean;
  readonly property: Readonly<Record<string, string>>;
  readonly times: boolean;
}

export async function run(
  text: string,
  target: string,
  options: CloneCommandOptions,
): Promise<void> {
  const environment = await openEnvironment(options, `cloning ${text}`);
  const { shallow = false, property: properties, times: keepTimes } = options;
  try {
    const table = await environment.openTable(text, travelOf(options));
    const { postCommitErrors, ...facts } = await table.clone(environment.placeFor(target), {
      kind: shallow ? 'shallow' : 'deep',
      properties,
      keepTimes,
      signal: environment.signal,
    });
    warnOf(postCommitErrors);
    if (options.json === true) {
      await printObject(facts);
      return;
    }
    const { copiedCount, copiedBytes, fileCount } = facts;
    const files = shallow
      ? `${counted(fileCount, 'file')} of the source`
      : `${counted(copiedCount, 'file')}, ${bytesText(copiedBytes)}, copied`;
    await print(`${facts.table}: version ${facts.version}, ${files}`);
  } finally {
    await environment.close();
  }
}
