/** Looks at a table's health: how it is committed to, what is wrong with it, and what of that can be mended safely. */

import { isDeltaError, summaryOf } from '../base/index.ts';
import { coordinationOf } from '../store/index.ts';
import { checkFiles } from './doctor-files.ts';
import { checkLog } from './doctor-log.ts';
import { checkDescription } from './doctor-protocol.ts';
import { readLog } from './doctor-read.ts';
import type { Examination, Finding, Found, Repair, Severity } from './doctor-types.ts';
import { checkLogTable, commitWayOf, mixedWriters, writersOf } from './doctor-writers.ts';
import { atTable } from './errors.ts';
import type { TableContext } from './types.ts';

export interface ExamineOptions {
  /**
   * Does what is safe: finishes a half-done commit, writes a new checkpoint for one that is broken and the hint anew, deletes
   * checksum files and compacted files that cannot be read. No row, and no commit, is changed or deleted. Default false.
   */
  readonly repair?: boolean;
}

/**
 * Reads the whole log and lists the whole table: the cost is that of its log and of a listing. Nothing is changed without
 * `repair`, not even a half-done commit, which readers else finish. What is found is not thrown.
 * Errors: `TABLE_NOT_FOUND`, those of the store, of the log table and of a catalog.
 */
export async function examine(
  ctx: TableContext,
  options: ExamineOptions = {},
): Promise<Examination> {
  return atTable(ctx.store.uri, () => examineLog(ctx, options.repair ?? false));
}

const GRAVITY: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

async function examineLog(ctx: TableContext, isRepaired: boolean): Promise<Examination> {
  const coordination = coordinationOf(ctx.store);
  const bare = { ...ctx, store: coordination?.bare ?? ctx.store };
  const findings: Finding[] = [];
  const settle = async (found: readonly Found[]): Promise<void> => {
    for (const { mend, ...finding } of found) {
      const repair = isRepaired && mend !== undefined ? await tryMend(mend) : null;
      findings.push({ ...finding, repair });
    }
  };
  let { log, found } = await readLog(bare);
  if (coordination !== null) {
    await settle(await checkLogTable(log, coordination));
    // A commit that was finished is looked at with the rest.
    if (findings.some(({ repair }) => repair?.kind === 'done')) {
      ({ log, found } = await readLog(bare));
    }
  }
  const commitWay = commitWayOf(log, coordination);
  const writers = writersOf(log);
  const inLog = await checkLog(log);
  const isGap = inLog.some(({ code }) => code === 'LOG_GAP');
  const files = await checkFiles(log, found.length === 0);
  await settle([...inLog, ...mixedWriters(commitWay, writers), ...files.found]);
  // A new checkpoint comes with its hint, and so after the hint that was pointed at an old one.
  await settle(found.filter(({ code }) => code !== 'LOG_GAP' || !isGap));
  if (log.snapshot !== null) await settle(checkDescription(log.snapshot));
  return {
    table: ctx.store.uri,
    version: log.snapshot?.version ?? null,
    commitWay,
    writers,
    findings: findings.sort((a, b) => GRAVITY[a.severity] - GRAVITY[b.severity]),
    orphans: files.orphans,
  };
}

/** A repair that fails is told with its finding: the others are still worth doing. */
async function tryMend(mend: () => Promise<string>): Promise<Repair> {
  try {
    return { kind: 'done', text: await mend() };
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    return { kind: 'failed', text: summaryOf(error) };
  }
}
