/** `append`: files into a table, in one commit. */

import { openEnvironment } from '../environment.ts';
import { bytesText, counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';
import { withSources } from '../sources.ts';

export async function run(
  text: string,
  sources: readonly string[],
  options: CommonOptions,
): Promise<void> {
  const environment = await openEnvironment(options, `appending to ${text}`);
  try {
    const table = await environment.openTableToWrite(text);
    const { schema } = table.snapshot;
    const result = await withSources(environment.tools, sources, schema, (source) =>
      table.append(source, { signal: environment.signal }),
    );
    const { kind, version, rows, files, bytes, postCommitErrors } = result;
    warnOf(postCommitErrors);
    if (options.json === true) {
      await printObject({ kind, version, rows, files, bytes });
    } else {
      const what = `${counted(rows, 'row')} in ${counted(files, 'file')}, ${bytesText(bytes)}`;
      await print(`version ${version}: ${kind === 'committed' ? what : 'nothing to append'}`);
    }
  } finally {
    await environment.close();
  }
}
