/** `convert`: a folder of Parquet files, made a table. */

import { parseDdl } from '../../schema/index.ts';
import { convert, tableContext } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { bytesText, counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface ConvertCommandOptions extends CommonOptions {
  readonly partitions?: string;
  readonly property: Readonly<Record<string, string>>;
}

export async function run(folder: string, options: ConvertCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `converting ${folder}`);
  const { partitions, property: properties } = options;
  try {
    const { tools, signal } = environment;
    const store = tools.openStore(environment.placeFor(folder));
    const { snapshot, postCommitErrors, ...facts } = await convert(tableContext(tools, store), {
      ...(partitions === undefined ? {} : { partitionSchema: parseDdl(partitions) }),
      properties,
      signal,
    });
    warnOf(postCommitErrors);
    const { version } = snapshot;
    if (options.json === true) {
      await printObject({ table: store.uri, version, ...facts });
      return;
    }
    const { kind, fileCount, rowCount, sizeBytes } = facts;
    const what = `${counted(fileCount, 'file')}, ${counted(rowCount, 'row')}, ${bytesText(sizeBytes)}`;
    const done = kind === 'unchanged' ? 'is a table already' : what;
    await print(`${store.uri}: version ${version}: ${done}`);
  } finally {
    await environment.close();
  }
}
