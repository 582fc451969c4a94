/** `vacuum`: a table without old files that nothing needs. */

import { openEnvironment } from '../environment.ts';
import { bytesText, counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface VacuumCommandOptions extends CommonOptions {
  readonly lite?: boolean;
  readonly retainHours?: number;
  readonly retentionCheck: boolean;
  readonly inventory?: string;
  readonly forgetClone: readonly string[];
  readonly dryRun?: boolean;
}

export async function run(text: string, options: VacuumCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `vacuuming ${text}`);
  const { lite, retainHours, retentionCheck, inventory, forgetClone, dryRun = false } = options;
  try {
    const table = await environment.openTableToWrite(text);
    const { files, postCommitErrors, ...facts } = await table.vacuum({
      mode: lite === true ? 'lite' : 'full',
      ...(retainHours === undefined ? {} : { retentionHours: retainHours }),
      retentionCheck,
      ...(inventory === undefined ? {} : { inventory }),
      forgetClones: forgetClone,
      dryRun,
      signal: environment.signal,
    });
    warnOf(postCommitErrors);
    if (options.json === true) {
      const paths = files.map((file) => ({ ...file }));
      await printObject({ ...facts, fileCount: files.length, ...(dryRun ? { files: paths } : {}) });
      return;
    }
    for (const { path, sizeBytes } of dryRun ? files : []) {
      await print(`${path}  ${bytesText(sizeBytes)}`);
    }
    const what = `${counted(files.length, 'file')}, ${bytesText(facts.sizeBytes)},`;
    const done = facts.kind === 'planned' ? 'would be deleted' : 'deleted';
    const kept = facts.keptForOthers;
    const others = kept === 0 ? '' : `; ${kept} stay for clones and manifests`;
    await print(`version ${facts.version}: ${what} ${done}${others}`);
  } finally {
    await environment.close();
  }
}
