/** `overwrite`: files in the place of all rows of a table, or of some. */

import type { OverwriteOptions } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { bytesText, counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';
import { withSources } from '../sources.ts';

export interface OverwriteCommandOptions extends CommonOptions {
  readonly where?: string;
  readonly partitions?: boolean;
  readonly keys?: readonly string[];
  readonly schema?: boolean;
}

export async function run(
  text: string,
  sources: readonly string[],
  options: OverwriteCommandOptions,
): Promise<void> {
  const environment = await openEnvironment(options, `overwriting ${text}`);
  try {
    const table = await environment.openTableToWrite(text);
    const { schema } = table.snapshot;
    const { postCommitErrors, ...facts } = await withSources(
      environment.tools,
      sources,
      schema,
      (source) => table.overwrite(source, { ...wayOf(options), signal: environment.signal }),
    );
    warnOf(postCommitErrors);
    if (options.json === true) {
      await printObject(facts);
      return;
    }
    const { kind, version, rows, files, bytes, filesRemoved } = facts;
    const what =
      `${counted(rows, 'row')} came, ${counted(filesRemoved, 'file')} went, ` +
      `${counted(files, 'file')} written, ${bytesText(bytes)}`;
    await print(`version ${version}: ${kind === 'committed' ? what : 'nothing to overwrite'}`);
  } finally {
    await environment.close();
  }
}

function wayOf({ where, partitions, keys, schema }: OverwriteCommandOptions): OverwriteOptions {
  return {
    ...(where === undefined ? {} : { replaceWhere: where }),
    ...(partitions === true ? { partitionOverwriteMode: 'dynamic' } : {}),
    ...(keys === undefined ? {} : { replaceUsing: keys }),
    ...(schema === true ? { overwriteSchema: true } : {}),
  };
}
