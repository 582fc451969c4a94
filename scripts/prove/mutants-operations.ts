/** Rules of operations on rows and files: what vacuums leave, what is restored, what is read before it is changed. */

import type { Mutant } from './mutant.ts';

/** Between two seeds with files that a vacuum may delete. */
const FILES_EVERY = 4;
const VACUUM = 'src/table/ops/vacuum.ts';
const VACUUM_PLAN = 'src/table/ops/vacuum-plan.ts';
const RETAINED = 'src/table/retained-files.ts';
const RESTORE = 'src/table/ops/restore.ts';
const MERGE = 'src/table/ops/merge.ts';
const ROW_CHANGES = 'src/table/ops/row-changes.ts';
const OPTIMIZE = 'src/table/ops/optimize.ts';

/** Found by transactions with files that are names, which the fast simulation has. */
const HOUSEKEEPING: readonly Mutant[] = [
  {
    name: 'a vacuum keeps what is live, and nothing that was',
    file: RETAINED,
    text: 'if ((tombstone.deletionTimestamp ?? 0) >= sinceMs) yield* pathsOfFile(tombstone);',
    instead: '',
    also: [{ text: 'yield* pathsOfActions(actions);', instead: '' }],
  },
  {
    name: 'a vacuum trusts the times of tombstones alone',
    file: RETAINED,
    text: 'yield* pathsOfActions(actions);',
    instead: '',
  },
  {
    name: 'a vacuum goes by the snapshot that it was given',
    file: VACUUM,
    text: 'const latest = await refreshSnapshot(ctx, snapshot);',
    instead: 'const latest = snapshot;',
  },
  {
    name: 'a vacuum goes by its own clock',
    file: VACUUM,
    text: 'const nowMs = Math.min(ctx.clock.now(), await storeTimeMs(ctx));',
    instead: 'const nowMs = ctx.clock.now();',
  },
  {
    name: 'a vacuum does not ask what was restored since it made its plan',
    file: VACUUM,
    text: 'if (files.length === 0 || now.version === before.version + 1) return files;',
    instead: 'if (files.length >= 0) return files;',
  },
  {
    name: 'a vacuum takes young files that nobody names yet',
    file: VACUUM_PLAN,
    text: 'if (modifiedMs < sinceMs) files.push({ path, sizeBytes });',
    instead: 'files.push({ path, sizeBytes });',
  },
  {
    name: 'a restore does not look whether the files are still there',
    file: RESTORE,
    text: 'const missing = await missingFiles(ctx, coming);',
    instead: 'const missing: ReadonlyMap<AddFile, readonly string[]> = new Map();',
  },
  {
    name: 'a restore does not look again at files that a vacuum may have deleted meanwhile',
    file: RESTORE,
    text: 'const unseen = await checkThere(ctx, target, work);',
    instead: 'const unseen: readonly Error[] = [];',
  },
  {
    name: 'a restore leaves what others commit at the same moment',
    file: RESTORE,
    text: "reads: { kind: 'table' },",
    instead: "reads: { kind: 'nothing' },",
  },
  {
    name: 'a restore takes a file for another with other deleted rows',
    file: RESTORE,
    text: 'return `${pathKey(path)}\\u0000${vectorId(deletionVector)}`;',
    instead: 'return `${pathKey(path)}${deletionVector === null ? vectorId(deletionVector) : ""}`;',
  },
];

/** Found by real operations on real files. */
const ON_ROWS: readonly Mutant[] = [
  {
    name: 'a merge commits whatever came into what it read',
    file: MERGE,
    text: `reads: {
      kind: 'rows',
      predicate: candidates.predicate,
      paths: new Set(candidates.files.map(({ add }) => add.path)),
    },`,
    instead: "reads: { kind: 'nothing' },",
  },
  {
    name: 'a delete or update commits whatever came into what it read',
    file: ROW_CHANGES,
    text: `reads: {
      kind: 'rows',
      predicate: where,
      paths: new Set(found.candidates.map(({ path }) => path)),
    },`,
    instead: "reads: { kind: 'nothing' },",
  },
  {
    name: 'an overwrite commits whatever came into what it replaces',
    file: 'src/table/ops/overwrite-replace.ts',
    text: "reads: { kind: 'rows', predicate, paths },\n    deletedRowCount: null,",
    instead: "reads: { kind: 'nothing' },\n    deletedRowCount: null,",
  },
  {
    name: 'packed files take the place of files whose rows others have changed',
    file: OPTIMIZE,
    text: 'const valid = new Set(left.filter(({ bin }) => isValid(bin, before, this.#snapshot)));',
    instead: 'const valid = new Set(left);',
  },
  {
    name: 'a packed file that is written for rows that others hid meanwhile counts as valid',
    file: OPTIMIZE,
    text: 'now !== null && JSON.stringify(before.deletionVector) === JSON.stringify(now.deletionVector)',
    instead: 'now !== null && before !== null',
  },
  {
    name: 'a new deletion vector forgets the rows that the old one hid',
    file: 'src/table/deletion-vectors.ts',
    text: 'return before === null ? rows : rows.map((byte, place) => byte | (before[place] ?? 0));',
    instead: 'return rows;',
  },
  {
    name: 'a vacuum takes files of deletion vectors for nobody’s',
    file: RETAINED,
    text: "yield vector.path.kind === 'key' ? encodePath(vector.path.key) : vector.path.path;",
    instead: 'yield path;',
  },
  {
    name: 'what was written is deleted where the outcome of its commit is open',
    file: 'src/table/ops/append-commit.ts',
    text: `    ? commitTransaction(ctx, snapshot, spec)
    : ctx.commitGroup.commit(snapshot, spec));`,
    instead: `    ? commitTransaction(ctx, snapshot, spec)
    : ctx.commitGroup.commit(snapshot, spec)
  ).catch(async (error: unknown) => {
    await discardFiles(ctx, files);
    throw error;
  });`,
  },
];

export const OPERATION_MUTANTS: readonly Mutant[] = [
  ...HOUSEKEEPING.map((mutant) => ({ ...mutant, every: FILES_EVERY })),
  ...ON_ROWS.map((mutant) => ({ ...mutant, operations: true })),
];
