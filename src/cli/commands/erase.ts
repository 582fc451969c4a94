/** `erase`: rows leave a table, and all below it that holds one or speaks of one. */

import type { EraseLeft, SearchedFiles, VersionRange } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { bytesText, counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface EraseCommandOptions extends CommonOptions {
  readonly where: string;
  readonly writerHours?: number;
  readonly keepLog?: boolean;
  readonly clone: readonly string[];
  readonly forgetClone: readonly string[];
  readonly dryRun?: boolean;
}

export async function run(text: string, options: EraseCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `erasing from ${text}`);
  const { where, writerHours, keepLog = false, clone, forgetClone, dryRun = false } = options;
  try {
    const table = await environment.openTableToWrite(text);
    const { postCommitErrors, ...facts } = await table.erase({
      where,
      ...(writerHours === undefined ? {} : { writerHours }),
      keepLog,
      clones: clone,
      forgetClones: forgetClone,
      dryRun,
      signal: environment.signal,
    });
    warnOf(postCommitErrors);
    if (options.json === true) {
      await printObject(facts);
      return;
    }
    await printSearched('before', facts.before);
    if (!dryRun) await printSearched('after', facts.after);
    const { log, rewritten, deleted } = facts;
    const would = dryRun ? 'would be ' : '';
    await print(
      `${counted(rewritten.length, 'file')} ${would}rewritten, ${String(deleted.length)} deleted`,
    );
    await print(
      `log: ${counted(log.searchedCount, 'file')} searched, ${String(log.quotingBefore)} quoting before, ` +
        `${String(log.quotingAfter)} now, ${String(log.deleted.length)} deleted`,
    );
    await printRanges(`versions that cannot be read any more`, facts.versionsLost);
    await printRanges(`versions whose changes cannot be read any more`, facts.changesLost);
    for (const left of facts.left) await print(leftText(left));
    await print(`version ${facts.version}: ${facts.clean ? 'clean' : 'not clean'}`);
  } finally {
    await environment.close();
  }
}

async function printSearched(when: string, searched: readonly SearchedFiles[]): Promise<void> {
  for (const { kind, versions, fileCount, sizeBytes, matchedFileCount, rowCount } of searched) {
    const of = versions === null ? '' : ` of versions ${rangeText(versions)}`;
    const files = `${counted(fileCount, 'file')} (${bytesText(sizeBytes)})`;
    const found = `${counted(rowCount, 'row')} in ${counted(matchedFileCount, 'file')}`;
    await print(`${when}: ${kind}${of}: ${files} searched, ${found}`);
  }
}

async function printRanges(what: string, ranges: readonly VersionRange[]): Promise<void> {
  if (ranges.length > 0) await print(`${what}: ${ranges.map(rangeText).join(', ')}`);
}

function rangeText({ from, to }: VersionRange): string {
  return from === to ? String(from) : `${String(from)} to ${String(to)}`;
}

function leftText({ path, why, untilMs }: EraseLeft): string {
  const until = untilMs === null ? '' : `, until ${new Date(untilMs).toISOString()}`;
  return `left: ${path}: ${why}${until}`;
}
