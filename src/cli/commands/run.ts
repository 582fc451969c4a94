/** `run`: jobs of the configuration, one after the other, and what each did. */

import { findJob, runJob, type RunProgress, type RunResult } from '../../jobs/index.ts';
import { openEnvironment } from '../environment.ts';
import { bytesText, counted, print, printFacts, printObject } from '../output.ts';
import { showProgress } from '../progress.ts';
import type { CommonOptions } from '../program.ts';

export interface RunCommandOptions extends CommonOptions {
  readonly strict?: boolean;
}

export async function run(names: readonly string[], options: RunCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, 'reading the configuration');
  try {
    const config = environment.requireConfig();
    for (const name of names) findJob(config, name);
    const context = await environment.jobContext();
    for (const name of names) {
      const result = await runJob(config, name, context, {
        ...(options.strict === true ? { strict: true } : {}),
        signal: environment.signal,
        onProgress: (step) => showProgress(progressText(name, step)),
      });
      if (options.json === true) await printObject({ ...result });
      else await printResult(result);
    }
  } finally {
    await environment.close();
  }
}

const STEPS: Readonly<Record<RunProgress['step'], string>> = {
  prepare: 'preparing the table',
  list: 'listing',
  probe: 'looking at',
  read: 'taking',
  publish: 'publishing',
  done: 'done with',
};

function progressText(name: string, { step, batch, files, bytes }: RunProgress): string {
  const where = batch === null ? '' : ` batch ${batch}:`;
  const what = files === 0 ? '' : ` ${counted(files, 'file')}, ${bytesText(bytes)}`;
  return `${name}:${where} ${STEPS[step]}${what}`;
}

async function printResult(result: RunResult): Promise<void> {
  const head = `${result.job} → ${result.table}, version ${result.version}`;
  const time = `${(result.timeMs / 1000).toFixed(2)} s`;
  if (result.batches === 0 && result.deferredFiles === 0) {
    await print(`${head}: nothing new (${time})`);
    return;
  }
  await print(head);
  const facts: [string, string][] = [
    [
      '  files',
      `${result.files} (${bytesText(result.bytes)}) in ${counted(result.batches, 'batch', 'batches')}`,
    ],
    ['  rows in', String(result.rowsIn)],
    ['  duplicates', String(result.duplicates)],
    ['  inserted', String(result.inserted)],
    ['  updated', String(result.updated)],
  ];
  if (result.deleted > 0) facts.push(['  deleted', String(result.deleted)]);
  facts.push([
    '  rejected',
    `${counted(result.rejectedRows, 'row')}, ${counted(result.rejectedFiles, 'file')}`,
  ]);
  if (result.rejectedLocation !== null) facts.push(['  listed in', result.rejectedLocation]);
  if (result.deferredFiles > 0) {
    facts.push(['  tried again', `${counted(result.deferredFiles, 'file')}, by the next run`]);
  }
  facts.push(['  time', time]);
  await printFacts(facts);
}
