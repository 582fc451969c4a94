/** `optimize`: small files of a table packed into few, or its rows laid out along a curve, or purged. */

import { parseSizeBytes } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { sizeInvalid } from '../errors.ts';
import { bytesText, counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface OptimizeCommandOptions extends CommonOptions {
  readonly where?: string;
  readonly targetSize?: string;
  readonly sortBy?: readonly string[];
  readonly zorderBy?: readonly string[];
  readonly full?: boolean;
  readonly purge?: boolean;
  readonly dryRun?: boolean;
}

export async function run(text: string, options: OptimizeCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `optimizing ${text}`);
  const { where, targetSize, sortBy, zorderBy, full, dryRun } = options;
  try {
    const target = targetSize === undefined ? undefined : sizeOf(targetSize);
    const table = await environment.openTableToWrite(text);
    const common = {
      ...(where === undefined ? {} : { where }),
      ...(target === undefined ? {} : { targetFileSizeBytes: target }),
      ...(dryRun === undefined ? {} : { dryRun }),
      signal: environment.signal,
    };
    const layout = {
      ...(sortBy === undefined ? {} : { sortBy }),
      ...(zorderBy === undefined ? {} : { zOrderBy: zorderBy }),
      ...(full === undefined ? {} : { full }),
    };
    const { postCommitErrors, ...facts } =
      options.purge === true
        ? await table.reorg(common)
        : await table.optimize({ ...common, ...layout });
    warnOf(postCommitErrors);
    if (options.json === true) {
      await printObject(facts);
      return;
    }
    const { kind, version, filesAdded, filesRemoved, bytesRemoved } = facts;
    const what = `${counted(filesRemoved, 'file')}, ${bytesText(bytesRemoved)}, packed into ${filesAdded}`;
    const would = kind === 'planned' ? 'would be done: ' : '';
    await print(`version ${version}: ${filesRemoved === 0 ? 'nothing to pack' : would + what}`);
  } finally {
    await environment.close();
  }
}

function sizeOf(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes === null || bytes === 0) throw sizeInvalid(text);
  return bytes;
}
