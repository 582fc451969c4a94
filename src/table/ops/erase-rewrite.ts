/** Live files with rows that are erased, written again without them, and without rows that their deletion vectors hide. */

import { assert, backoffMs } from '../../base/index.ts';
import type { Action } from '../../log/index.ts';
import type { Expression } from '../../schema/index.ts';
import { commitTransaction } from '../commit.ts';
import { refreshSnapshot } from '../open.ts';
import type { CommitOutcome, Snapshot, TableContext } from '../types.ts';
import { removalOf } from './append-commit.ts';
import { ENGINE_STATEMENTS_MAX, inParallel } from './append-stage.ts';
import { changeAction } from './change-files.ts';
import {
  isMatched,
  keyOf,
  type NamedFiles,
  rowFile,
  type Survey,
  type SurveyedFile,
} from './erase-files.ts';
import type { FileSearch } from './erase-scan.ts';
import { writeConflict } from './errors.ts';
import { partitionFields, partitionValuesOf } from './files.ts';
import type { LazySession } from './input-session.ts';
import type { FileRows } from './row-matches.ts';
import { discardRows, type RowWrite, writeRows, type WrittenRows } from './row-writes.ts';

export interface LiveRewrite {
  readonly where: Expression;
  readonly session: LazySession;
  readonly signal: AbortSignal | undefined;
  readonly search: FileSearch;
  /** Looks at the table at a newer version. */
  readonly look: (snapshot: Snapshot) => Promise<Survey>;
}

export interface RewrittenFiles {
  /** The table as it is then: no live file has such a row. */
  readonly seen: Survey;
  /** Keys of the files that were replaced. */
  readonly keys: readonly string[];
  readonly postCommitErrors: readonly Error[];
}

/** Each lost try means that another writer's commit went through. */
const TRIES_MAX = 1_000;
const BACKOFF = { delayMsMin: 5, delayMsMax: 500 } as const;

/** Errors: `WRITE_CONFLICT` after very many lost races, those of `writeRows` and `commitTransaction`. */
export async function rewriteLive(
  ctx: TableContext,
  start: Survey,
  rewrite: LiveRewrite,
): Promise<RewrittenFiles> {
  const keys: string[] = [];
  const postCommitErrors: Error[] = [];
  let seen = start;
  let lost: Lost | null = null;
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    rewrite.signal?.throwIfAborted();
    const matched = seen.files.filter((file) => file.kind === 'live' && isMatched(file));
    if (matched.length === 0) return { seen, keys, postCommitErrors };
    const outcome = await replace(ctx, seen, { matched, rewrite });
    if (outcome.kind === 'committed') {
      keys.push(...matched.map(keyOf));
      postCommitErrors.push(...outcome.postCommitErrors);
    } else {
      lost = outcome.kind === 'conflict' ? outcome : lost;
      await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, attempt), rewrite.signal);
    }
    seen = await rewrite.look(await refreshSnapshot(ctx, seen.names.snapshot));
    if (outcome.kind === 'committed') checkWritten(seen, outcome.version);
  }
  throw writeConflict(lost?.code ?? '', lost?.reason ?? '', lost?.error);
}

type Lost = Extract<CommitOutcome, { kind: 'conflict' }>;

/** Stops with a bug where what was written has to be written again. */
function checkWritten({ files }: Survey, version: number): void {
  const [odd] = files.filter(
    (file) => isMatched(file) && file.kind === 'live' && file.ranges.at(-1)?.from === version,
  );
  assert(odd === undefined, `an erase wrote rows to ${odd?.meta.path ?? ''} that it was to erase`);
}

interface Replacement {
  readonly matched: readonly SurveyedFile[];
  readonly rewrite: LiveRewrite;
}

async function replace(
  ctx: TableContext,
  { names }: Survey,
  { matched, rewrite }: Replacement,
): Promise<CommitOutcome> {
  const { snapshot, live } = names;
  const { where, session, signal } = rewrite;
  const files = await fileRows(names, matched, rewrite.search);
  const write: RowWrite = {
    ctx,
    snapshot,
    session: () => session.open(),
    mode: 'copy-on-write',
    where,
    values: null,
    codec: undefined,
    signal,
  };
  const written = await writeRows(write, files);
  const outcome = await commitTransaction(ctx, snapshot, {
    // Without the condition, which would quote what is erased.
    operation: 'ERASE',
    operationMetrics: {
      numRemovedFiles: String(files.length),
      numAddedFiles: String(written.files.length),
    },
    actions: actionsOf(ctx, files, written),
    reads: {
      kind: 'rows',
      predicate: where,
      paths: new Set(Array.from(live.values(), ({ path }) => path)),
    },
    keepsRowIds: true,
    scope: 'delete',
    ...(signal === undefined ? {} : { signal }),
  });
  if (outcome.kind !== 'committed') await discardRows(ctx, written);
  return outcome;
}

/** Rows that deletion vectors hide are among them. */
async function fileRows(
  names: NamedFiles,
  matched: readonly SurveyedFile[],
  search: FileSearch,
): Promise<readonly FileRows[]> {
  const { snapshot, live } = names;
  const fields = partitionFields(snapshot);
  const found = await inParallel(matched, ENGINE_STATEMENTS_MAX, async ({ meta, searched }) => {
    const add = live.get(meta.path);
    if (add === undefined || searched.kind !== 'rows') return [];
    const { rowCount: storedCount, matchCount: count } = searched;
    const partitionValues = partitionValuesOf(add, fields);
    const rows =
      count === storedCount
        ? null
        : await search.rowsOf(snapshot, rowFile(names, meta), storedCount);
    return [{ add, partitionValues, storedCount, count, rows }];
  });
  return found.flat();
}

function actionsOf(
  ctx: TableContext,
  files: readonly FileRows[],
  { files: added, changes }: WrittenRows,
): readonly Action[] {
  return [
    ...files.map(({ add }) => removalOf(ctx, add, { dataChange: true })),
    ...added.map(({ add }): Action => ({ kind: 'add', add })),
    ...changes.map(changeAction),
  ];
}
