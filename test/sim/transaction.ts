/** Transactions of simulated processes: files that are nothing but a name, and what their makers are told. */

import { isDeltaError } from '../../src/base/index.ts';
import { type Action, pathKey } from '../../src/log/index.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import type {
  CommitOutcome,
  Snapshot,
  TableContext,
  TransactionSpec,
} from '../../src/table/types.ts';
import { judge } from './judge.ts';
import { GROUP, type Operation, type Reads, type SimRow } from './model.ts';
import { Violation } from './table-state.ts';
import { liveRows } from './vectors.ts';
import { isPassing, type World } from './world.ts';

/** A transaction as an actor makes it on a snapshot; null where there is nothing to do. */
export interface Draft {
  readonly operation?: string;
  readonly reads: Reads;
  readonly spec: Pick<TransactionSpec, 'reads' | 'txn' | 'steps' | 'rebase' | 'scope' | 'signal'>;
  readonly actions: readonly Action[];
  readonly inserts?: readonly string[];
  readonly deletes?: readonly string[];
}

/** Why a signal of an actor was given. */
export const STOPPED = new Error('stopped');

/** How a try to commit ended: as `CommitOutcome`; or the store failed, or nobody knows. */
export type Ended = CommitOutcome['kind'] | 'failed' | 'unknown';

/** Commits once, through the context's group if it has one; what the process is told is held against the log. */
export async function commit(
  world: World,
  ctx: TableContext,
  snapshot: Snapshot,
  draft: Draft,
): Promise<Ended> {
  const operation = begin(world, ctx, snapshot, draft);
  const spec: TransactionSpec = {
    ...draft.spec,
    operation: draft.operation ?? 'WRITE',
    operationParameters: { simulated: ctx.commitGroup === undefined ? operation.id : GROUP },
    actions: draft.actions,
  };
  try {
    const outcome = await world.underWay(ctx, { version: snapshot.version }, async () => {
      await putFiles(world, ctx, draft.actions);
      return ctx.commitGroup === undefined
        ? commitTransaction(ctx, snapshot, spec)
        : ctx.commitGroup.commit(snapshot, spec);
    });
    checkReason(outcome, draft);
    return heard(world, operation, outcome);
  } catch (error) {
    return failed(world, operation, error);
  }
}

/** Puts what a commit is to add into the store, where tables have files. */
export async function putFiles(
  world: World,
  ctx: TableContext,
  actions: readonly Action[],
): Promise<void> {
  if (!world.terms.hasFiles) return;
  for (const action of actions) {
    // One with a vector is there already.
    if (action.kind !== 'add' || action.add.deletionVector !== undefined) continue;
    const path = pathKey(action.add.path);
    await world.persist(ctx, () => ctx.store.put(path, ANY_BYTES, { kind: 'create' }));
  }
}

const ANY_BYTES = new Uint8Array(1);

/** What an actor means to do, told to the model. */
export function begin(
  world: World,
  { isolation = 'Serializable' }: TableContext,
  { version }: Snapshot,
  draft: Draft,
): Operation {
  const added = draft.actions.flatMap((action) => (action.kind === 'add' ? [action.add.path] : []));
  return world.model.begin({
    id: `operation ${world.number()}`,
    reads: draft.reads,
    readVersion: version,
    inserts: draft.inserts ?? [],
    deletes: draft.deletes ?? [],
    paths: added.map(pathKey),
    isRebased: draft.spec.rebase !== undefined,
    isolation,
  });
}

/** Commits on fresh snapshots until it is in, or nothing is left to do, or nobody knows. */
export async function transact(
  world: World,
  ctx: TableContext,
  make: (snapshot: Snapshot) => Draft | null,
): Promise<'done' | 'unknown'> {
  let snapshot: Snapshot | null = null;
  for (;;) {
    snapshot = await world.open(ctx, snapshot);
    const draft = make(snapshot);
    if (draft === null) return 'done';
    const ended = await commit(world, ctx, snapshot, draft);
    if (ended === 'unknown') return 'unknown';
    if (ended === 'committed' || ended === 'applied') return 'done';
  }
}

/** What read nothing is disturbed by changes of the table's description alone, and by its own application. */
function checkReason(outcome: CommitOutcome, { reads, spec }: Draft): void {
  const hasProgress = spec.txn !== undefined || spec.steps !== undefined;
  if (outcome.kind === 'applied' && spec.txn === undefined) {
    throw new Violation('a transaction without a number was taken for applied');
  }
  if (outcome.kind !== 'conflict') return;
  const { code, reason } = outcome;
  const isOwn = ['CONFLICT_PROGRESS', 'CONFLICT_TRANSACTION'].includes(code);
  const isRead = ['CONFLICT_APPEND', 'CONFLICT_DELETE_READ'].includes(code);
  if ((isOwn && !hasProgress) || (isRead && reads.kind === 'nothing')) {
    throw new Violation(`refused without need: ${code} ${reason}`);
  }
}

function heard(world: World, operation: Operation, outcome: CommitOutcome): Ended {
  const { model } = world;
  if (outcome.kind === 'committed') {
    model.tell(operation, 'committed', outcome.version);
    judge(model, outcome.snapshot);
  } else if (outcome.kind === 'conflict') {
    model.tell(operation, 'refused');
  } else {
    operation.told = 'unknown';
    judge(model, outcome.snapshot);
  }
  world.note(`${operation.id} ${outcome.kind}${outcome.kind === 'conflict' ? outcome.code : ''}`);
  return outcome.kind;
}

function failed(world: World, operation: Operation, error: unknown): Ended {
  if (error === STOPPED) {
    world.model.tell(operation, 'refused');
    return 'failed';
  }
  if (!isDeltaError(error)) throw error;
  world.note(`${operation.id} ${error.code}`);
  if (error.code === 'COMMIT_OUTCOME_UNKNOWN') {
    operation.told = 'unknown';
    return 'unknown';
  }
  if (error.code !== 'GROUP_COMMIT_FULL' && !isPassing(error)) throw error;
  world.model.tell(operation, 'refused');
  return 'failed';
}

/** Writes nothing but a name: what a file of these rows would be. */
export function newFile(
  world: World,
  part: string,
  rows: readonly SimRow[],
  { dataChange = true }: { readonly dataChange?: boolean } = {},
): Action {
  const path = `part=${part}/${world.number()} %+é.parquet`;
  world.model.wrote(path, rows);
  const numbers = rows.map(({ n }) => n);
  const stats = JSON.stringify({
    numRecords: rows.length,
    minValues: { n: Math.min(...numbers) },
    maxValues: { n: Math.max(...numbers) },
    nullCount: { n: 0 },
  });
  const add = {
    path: encodeURI(path).replace('+', '%2B'),
    partitionValues: { part },
    size: rows.length * 10,
    modificationTime: world.scheduler.nowMs,
    dataChange,
    stats,
  };
  return { kind: 'add', add };
}

export function removal(
  world: World,
  snapshot: Snapshot,
  path: string,
  { dataChange = true }: { readonly dataChange?: boolean } = {},
): Action {
  const file = snapshot.file(path);
  if (file === null) throw new Error(`no such file: ${path}`);
  const { partitionValues, size, stats, deletionVector } = file;
  return {
    kind: 'remove',
    remove: {
      path,
      partitionValues,
      size,
      ...(stats === undefined ? {} : { stats }),
      ...(deletionVector === undefined ? {} : { deletionVector }),
      deletionTimestamp: world.scheduler.nowMs,
      extendedFileMetadata: true,
      dataChange,
    },
  };
}

export interface FileAndRows {
  readonly path: string;
  readonly rows: readonly SimRow[];
}

/** The live files of a snapshot with their live rows. */
export function filesOf(world: World, snapshot: Snapshot): readonly FileAndRows[] {
  const files = Array.from(snapshot.files(), (file) => ({
    path: file.path,
    rows: liveRows(world, file),
  }));
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
