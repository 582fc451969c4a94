/** The rules of commits and of the log, each broken once by a change of the source's text. */

import { LOG_MUTANTS } from './mutants-log.ts';
import { OPERATION_MUTANTS } from './mutants-operations.ts';
import { SHARING_MUTANTS } from './mutants-sharing.ts';
import type { Mutant } from './mutant.ts';

const COMMIT = 'src/table/commit.ts';
const CONFLICTS = 'src/log/conflicts.ts';
const ROW_TRACKING = 'src/log/row-tracking.ts';
const PREPARE = 'src/table/prepare-commit.ts';

const COMMIT_MUTANTS: readonly Mutant[] = [
  {
    name: 'a commit overwrites what is there',
    file: COMMIT,
    text: "const result = await ctx.store.put(path, bytes, { kind: 'create' });\n    return",
    instead: "const result = await ctx.store.put(path, bytes, { kind: 'overwrite' });\n    return",
  },
  {
    name: 'a lost race counts as won',
    file: COMMIT,
    text: "return result.kind === 'written' ? result : null;",
    instead: "return result.kind === 'written' ? result : { etag: null };",
  },
  {
    name: 'a lost answer is a failure',
    file: COMMIT,
    text: 'const stands = await settle(ctx, commit, { path, bytes, cause: error });',
    instead: "throw Object.assign(error, { code: 'STORE_UNAVAILABLE' });",
  },
  {
    name: 'what is not there after a lost answer never comes',
    file: COMMIT,
    text: 'const stands = await settle(ctx, commit, { path, bytes, cause: error });',
    instead:
      'if ((await readIfThere(ctx.store, path)) === null) ' +
      "throw Object.assign(error, { code: 'STORE_UNAVAILABLE' }); " +
      'const stands = await settle(ctx, commit, { path, bytes, cause: error });',
  },
  {
    name: 'a lost answer is a lost race, and the next version is tried blindly',
    file: COMMIT,
    text: 'const own = next.commits.find((commit) => isOwn(commit, txnId));',
    instead: 'const own = next.commits.find((commit) => isOwn(commit, txnId) && false);',
  },
  {
    name: 'what is found where an answer was lost counts as own',
    file: COMMIT,
    text: 'if (found !== null) return txnIdOf(parseCommitInfo(found, path)) === commit.txnId;',
    instead: 'if (found !== null) return true;',
  },
  {
    name: 'a commit whose answer is open is told as refused',
    file: COMMIT,
    text: 'throw commitOutcomeUnknown(commit.version, commit.txnId, cause);',
    instead: 'throw cause;',
  },
  {
    name: 'a log that cannot be read after a lost race tells that nothing was committed',
    file: COMMIT,
    text: 'throw commitOutcomeUnknown(attempted.version, attempted.txnId, error);',
    instead: 'throw error;',
  },
  {
    name: 'a version that was cleaned up is committed to again',
    file: COMMIT,
    text: 'if (base !== null && base === start && !(await isInLog(ctx, base))) return replaced(base);',
    instead: '',
  },
  {
    name: 'no conflicts are looked for',
    file: COMMIT,
    text: 'if (conflict !== null) {\n    const',
    instead: 'if (conflict !== null && spec === null) {\n    const',
  },
  {
    name: 'only the first winner is looked at',
    file: COMMIT,
    text: '    input.fresh,\n  );',
    instead: '    input.fresh.slice(0, 1),\n  );',
  },
  {
    name: 'the rebase hook is not asked',
    file: COMMIT,
    text: "if (spec.rebase === undefined || input.fresh.length === 0) return { kind: 'go', actions };",
    instead: "return { kind: 'go', actions };",
  },
  {
    name: 'what the rebase hook says is passed over',
    file: COMMIT,
    text: "return { kind: 'go', actions: decision.actions };",
    instead: "return { kind: 'go', actions };",
  },
  {
    name: 'the progress of applications is looked at once, and not at rebase',
    file: COMMIT,
    text: 'const settled = settledOutcome(base, spec);',
    instead:
      'const settled = attempt > 1 ? null : settledOutcome(base, spec); ' +
      'if (attempt === 1) spec = { ...spec, actions: [...spec.actions, ...txnsOf(spec).map((txn) => ({ kind: "txn", txn }))], txn: undefined, steps: [] };',
  },
  {
    name: 'a transaction that was applied is applied again',
    file: COMMIT,
    text: 'if (txn !== undefined && held !== null && held >= txn.version) {',
    instead: 'if (txn !== undefined && held !== null && held > txn.version) {',
  },
  {
    name: 'progress is moved from wherever it stands',
    file: COMMIT,
    text: 'if (held === expected) continue;',
    instead: 'continue;',
  },
  {
    name: 'the snapshot after a commit lacks what came before it',
    file: COMMIT,
    text: 'base = next.snapshot;\n    commits.push',
    instead:
      'if (attempt === 1) base = next.snapshot;\n    else base = Object.assign(Object.create(Object.getPrototypeOf(next.snapshot)), base, { state: { ...base.state, version: next.snapshot.version } });\n    commits.push',
  },
  {
    name: 'changes of metadata pass each other',
    file: CONFLICTS,
    text: "changesMetadata: actions.some(({ kind }) => kind === 'metaData'),",
    instead: 'changesMetadata: false,',
  },
  {
    name: 'changes of one domain pass each other',
    file: CONFLICTS,
    text: 'if (!mine.domains.has(domain)) return null;',
    instead: 'if (domain !== null) return null;',
  },
  {
    name: 'files that were added where rows were read do not matter',
    file: CONFLICTS,
    text: "if (!file.dataChange || reads.kind === 'nothing') return null;",
    instead: 'if (file !== null) return null;',
  },
  {
    name: 'files that were added are looked at only where all of the table was read',
    file: CONFLICTS,
    text: "if (reads.kind === 'rows' && !reads.mayHold(file)) return null;",
    instead: "if (reads.kind === 'rows') return null;",
  },
  {
    name: 'blind appends do not matter to anyone',
    file: CONFLICTS,
    text: "    case 'Serializable':\n      return true;",
    instead: "    case 'Serializable':\n      return infoOf(winner)?.['isBlindAppend'] !== true;",
  },
  {
    name: 'files that were read may be removed',
    file: CONFLICTS,
    text: "if (mine.reads.kind === 'table' || mine.read.has(key)) {",
    instead: "if (mine.reads.kind === 'table') {",
  },
  {
    name: 'removals do not matter where all of the table was read',
    file: CONFLICTS,
    text: "if (mine.reads.kind === 'table' || mine.read.has(key)) {",
    instead: 'if (mine.read.has(key)) {',
  },
  {
    name: 'removals are not looked at',
    file: CONFLICTS,
    text: 'return removeConflict(mine, action.remove.path);',
    instead: 'return null;',
  },
  {
    name: 'only the first rule of the first file counts',
    file: CONFLICTS,
    text: 'if (found !== null) return named(found, winner);',
    instead: 'if (found !== null && winner.actions.length > 3) return named(found, winner);',
  },
  {
    name: 'row ids are numbered once, and not at each try',
    file: COMMIT,
    text: 'actions = decision.actions;',
    instead:
      "actions = decision.actions === spec.actions ? written.actions.filter((it) => it.kind !== 'commitInfo' && it.kind !== 'txn') : decision.actions;",
  },
  {
    name: 'the mark of row ids is not moved on',
    file: ROW_TRACKING,
    text: 'return mark === start ? numbered : [markAction(mark), ...numbered];',
    instead: 'return numbered;',
  },
  {
    name: 'what the table asks of writers may change under a transaction',
    file: 'src/log/concurrent-change.ts',
    text: 'return keys.length === 0 ? null :',
    instead: 'return keys.length >= 0 ? null :',
  },
  {
    name: 'with WriteSerializable nothing that was added matters',
    file: CONFLICTS,
    text: "return mine.changesMetadata || infoOf(winner)?.['isBlindAppend'] !== true;",
    instead: 'return false;',
  },
  {
    name: 'what read the table calls itself a blind append',
    file: 'src/log/commit-info.ts',
    text: 'isBlindAppend: !spec.dependsOnFiles && files',
    instead: 'isBlindAppend: files',
  },
  {
    name: 'times of commits follow the clock',
    file: PREPARE,
    text: 'const timestampMs = Math.max(nowMs, (base?.timestampMs ?? 0) + 1);',
    instead: 'const timestampMs = nowMs;',
  },
  {
    name: 'times begin with the version that the commit was to become, and not with its own',
    file: PREPARE,
    text: "'delta.inCommitTimestampEnablementVersion': String(base.version + 1),",
    instead:
      "'delta.inCommitTimestampEnablementVersion': String((how.origin.readVersion ?? 0) + 1),",
  },
];

export const MUTANTS: readonly Mutant[] = [
  ...COMMIT_MUTANTS,
  ...SHARING_MUTANTS,
  ...LOG_MUTANTS,
  ...OPERATION_MUTANTS,
];
