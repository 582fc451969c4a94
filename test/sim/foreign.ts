/**
 * Another engine: it marks rows as deleted by deletion vectors, with a code of its own, and begins anew where another was
 * faster. What it writes the project must read, and hold apart from its own.
 */

import { isDeltaError } from '../../src/base/index.ts';
import { type AddFile, type CommitInfo, commitPath, pathKey } from '../../src/log/index.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { pick, steps } from './chance.ts';
import type { Operation } from './model.ts';
import { begin, type Draft, filesOf } from './transaction.ts';
import { hide, liveRows } from './vectors.ts';
import { type Actor, isPassing, type World } from './world.ts';

export function marker(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx) => {
    let snapshot: Snapshot | null = null;
    for (;;) {
      snapshot = await world.open(ctx, snapshot);
      const { numbersRows, files } = world.model.at(snapshot.version);
      const found = filesOf(world, snapshot).filter(
        // It leaves it to others to number what is not numbered yet.
        ({ path, rows }) =>
          rows.length > 0 && (!numbersRows || files.get(pathKey(path))?.baseRowId !== null),
      );
      const file = found.length === 0 ? null : snapshot.file(pick(world, found).path);
      if (file === null) return;
      const { draft, lines } = marking(world, file);
      const operation = begin(world, ctx, snapshot, draft);
      const { version } = snapshot;
      const ended = await world.underWay(ctx, { version }, () =>
        put(ctx, { version: version + 1, lines: [info(ctx, operation, version), ...lines] }),
      );
      world.note(`${operation.id} ${ended}`);
      world.model.tell(operation, ended, ended === 'committed' ? version + 1 : null);
      if (ended !== 'refused') return;
    }

    /** Its `commitInfo`, as a line. */
    function info({ clock }: TableContext, { id }: Operation, readVersion: number): object {
      const isTimed = world.model.at(readVersion).isTimed;
      const timeMs = Math.max(clock.now(), (snapshot?.timestampMs ?? 0) + 1);
      const commitInfo: CommitInfo = {
        ...(isTimed ? { inCommitTimestamp: timeMs } : {}),
        timestamp: clock.now(),
        operation: 'DELETE',
        operationParameters: { simulated: id },
        isBlindAppend: false,
        engineInfo: 'another engine',
        txnId: id,
      };
      return { commitInfo };
    }
  });
}

/** Hides one more row of a file. */
function marking(
  world: World,
  file: AddFile,
): { readonly draft: Draft; readonly lines: readonly object[] } {
  const row = pick(world, liveRows(world, file));
  const { remove, add } = hide(world, file, new Set([row.id]));
  const draft: Draft = {
    reads: { kind: 'rows', part: null, below: null, paths: [pathKey(file.path)] },
    spec: { reads: { kind: 'nothing' } },
    actions: [],
    deletes: [row.id],
  };
  // Either may come first: they are told apart by their vectors.
  const pair = world.random.float() < 0.5 ? [{ remove }, { add }] : [{ add }, { remove }];
  const unheardOf = { futureAction: { says: 'something that nobody knows yet' } };
  return { draft, lines: [...pair, unheardOf] };
}

/** Puts the commit; where it is told that another was there, it looks whether that is its own. */
async function put(
  { store }: TableContext,
  commit: { readonly version: number; readonly lines: readonly object[] },
): Promise<'committed' | 'refused' | 'unknown'> {
  const path = commitPath(commit.version);
  const text = commit.lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const bytes = new TextEncoder().encode(text);
  try {
    if ((await store.put(path, bytes, { kind: 'create' })).kind === 'written') return 'committed';
  } catch (error) {
    if (!isDeltaError(error) || !isPassing(error)) throw error;
    return error.code === 'STORE_OUTCOME_UNKNOWN' ? 'unknown' : 'refused';
  }
  try {
    const there = await store.get(path);
    return Buffer.compare(there.bytes, bytes) === 0 ? 'committed' : 'refused';
  } catch (error) {
    if (!isPassing(error)) throw error;
    return 'unknown';
  }
}
