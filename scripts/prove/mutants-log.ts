/** Rules of reading the log, of checkpoints and cleanup, and of mending. */

import type { Mutant } from './mutant.ts';

const STATE = 'src/log/state.ts';
const CLEANUP = 'src/table/cleanup.ts';
/** Between two seeds whose checkpoints are in Parquet. */
const PARQUET_EVERY = 50;

export const LOG_MUTANTS: readonly Mutant[] = [
  {
    name: 'a removal leaves the file',
    file: STATE,
    text: 'this.#files.remove(key, file);',
    instead: '',
  },
  {
    name: 'compaction forgets tombstones',
    file: 'src/log/compaction.ts',
    text: 'newest.set(key, action);',
    instead: "if (action.kind !== 'remove') newest.set(key, action);",
  },
  {
    name: 'cleanup takes one commit more than a checkpoint stands for',
    file: 'src/log/cleanup.ts',
    text: 'const commits = listing.commits.filter(({ version }) => version < keepFrom);',
    instead: 'const commits = listing.commits.filter(({ version }) => version <= keepFrom + 1);',
  },
  {
    name: 'cleanup starts from a version without a checkpoint',
    file: 'src/log/cleanup.ts',
    text: 'const keepFrom = kept.version;',
    instead: 'const keepFrom = kept.version + 1;',
  },
  {
    name: 'the wrong compacted file is taken',
    file: 'src/log/compaction.ts',
    text: 'const file = longest.get(first + index);',
    instead: 'const file = longest.get(first + index + 1) ?? longest.get(first + index);',
  },
  {
    name: 'a compacted file stands for one commit too many',
    file: 'src/log/compaction.ts',
    text: 'const end = file === undefined ? index : file.endVersion - first + 1;',
    instead: 'const end = file === undefined ? index : file.endVersion - first + 2;',
  },
  {
    name: 'the commit after a checkpoint is left out',
    file: 'src/log/segment.ts',
    text: 'const from = checkpoint === null ? 0 : checkpoint.version + 1;',
    instead: 'const from = checkpoint === null ? 0 : checkpoint.version + 2;',
  },
  {
    name: 'a checkpoint beyond the version is taken',
    file: 'src/log/segment.ts',
    text: 'candidate.version <= version) ?? null;',
    instead: 'candidate.version <= version + 1) ?? null;',
  },
  {
    name: 'a hole in the log is passed over',
    file: 'src/log/segment.ts',
    text: 'if (missing === null) {',
    instead: 'if (missing === null || commits.length > 1) {',
  },
  {
    name: 'a hole is believed at first sight',
    file: 'src/table/log-files.ts',
    text: 'if (hole === null) break;',
    instead: 'break;',
  },
  {
    name: 'a refresh passes over a hole',
    file: 'src/table/open.ts',
    text: 'if (newer.some((file, index) => file.version !== snapshot.version + 1 + index)) return null;',
    instead: '',
  },
  {
    name: 'transactions leave the checkpoint',
    file: 'src/log/checkpoint.ts',
    text: 'return afterMs === null || lastUpdated === undefined || lastUpdated >= afterMs;',
    instead: 'return false;',
  },
  {
    name: 'domains leave the checkpoint',
    file: 'src/log/checkpoint.ts',
    text: "yield { kind: 'domainMetadata', domainMetadata };",
    instead: '',
  },
  {
    name: 'a removal takes a file whatever its deletion vector is',
    file: 'src/log/grown-files.ts',
    text: 'if (live === undefined || vectorId(live.deletionVector) !== vectorId(vector)) return;',
    instead: 'if (live === undefined) return;',
  },
  {
    name: 'a version whose commit is not listed yet has the time of its checkpoint',
    file: 'src/table/open.ts',
    text: '? await unlistedTime(store, version)',
    instead: '? null',
  },
  {
    name: 'a torn checkpoint is the end',
    file: 'src/table/load.ts',
    text: "if (checkpoint === null || !isDeltaError(error, 'CHECKPOINT_CORRUPT')) throw error;",
    instead: 'if (checkpoint !== null || error !== null) throw error;',
  },
  {
    name: 'a torn compacted file is the end',
    file: 'src/table/log-files.ts',
    text: "if (isDeltaError(error) && error.kind === 'data') return null;",
    instead: '',
  },
  {
    name: 'a commit that was cleaned up since the log was listed is the end',
    file: 'src/table/load.ts',
    text: "if (isDeltaError(error, 'STORE_NOT_FOUND') && !wasGone) {",
    instead: 'if (wasGone) {',
  },
  {
    name: 'sidecars are taken over with files that are gone',
    file: 'src/table/checkpoint-sidecars.ts',
    text: 'const onlyAdded = heldCount + liveOf(state, touched).length === state.files.size;',
    instead: 'const onlyAdded = heldCount >= 0;',
    also: [{ text: 'return count === state.files.size ? ', instead: 'return count >= 0 ? ' }],
    every: PARQUET_EVERY,
  },
  {
    name: 'new files are left out of the sidecars',
    file: 'src/table/checkpoint-sidecars.ts',
    text: 'return [...kept, ...written];',
    instead: 'return kept.length > 0 ? kept : written;',
    every: PARQUET_EVERY,
  },
  {
    name: 'cleanup deletes sidecars that are named',
    file: CLEANUP,
    text: 'return old.filter((path) => !named.has(path));',
    instead: 'return old;',
    every: PARQUET_EVERY,
  },
  {
    name: 'cleanup deletes sidecars of a checkpoint that is being written',
    file: CLEANUP,
    text: 'if (modifiedMs < nowMs - SIDECAR_AGE_MS_MIN) old.push(path);',
    instead: 'old.push(path);',
    every: PARQUET_EVERY,
  },
  {
    name: 'cleanup forgets the sidecars of the checkpoint that it begins the log with',
    file: CLEANUP,
    text: 'return checkpoints.filter(({ version }) => version >= keepFrom);',
    instead: 'return checkpoints.filter(({ version }) => version > keepFrom);',
    every: PARQUET_EVERY,
  },
  {
    name: 'cleanup does not try whether what stays can be read',
    file: CLEANUP,
    text: 'await openSnapshot({ ...ctx, store: without(ctx.store, gone) }, { version: keepFrom });',
    instead: '',
  },
  {
    name: 'checksum files count wrong',
    file: 'src/log/version-checksum.ts',
    text: 'numFiles: state.files.size,',
    instead: 'numFiles: state.files.size + 1,',
  },
  {
    name: 'a repair leaves a broken hint',
    file: 'src/table/doctor-log.ts',
    text: "await ctx.store.put(LAST_CHECKPOINT_PATH, hintAt(newest, log), { kind: 'overwrite' });",
    instead: '',
  },
  {
    name: 'a repair leaves a half-done commit',
    file: 'src/table/doctor-writers.ts',
    text: 'await coordination.finish(entry);',
    instead: '',
  },
];
