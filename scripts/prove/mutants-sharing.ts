/** Rules of those who share commits: group commit, and the table that decides who commits a version. */

import type { Mutant } from './mutant.ts';

const GROUP = 'src/table/group-commit.ts';
const COORDINATED = 'src/store/coordinated.ts';

export const SHARING_MUTANTS: readonly Mutant[] = [
  {
    name: 'all of a group are told what stands in the way of one',
    file: GROUP,
    text: 'await this.#commitEach(together);\n          break;',
    instead: 'for (const { resolve } of together) resolve(outcome);\n          break;',
  },
  {
    name: 'a group whose outcome is open is committed again, one by one',
    file: GROUP,
    text: "if (!isDeltaError(error) || error.kind === 'unavailable') {",
    instead: 'if (!isDeltaError(error)) {',
  },
  {
    name: 'an open outcome of a group is told as refused',
    file: GROUP,
    text: 'for (const { reject } of together) reject(error);',
    instead:
      "for (const { reject } of together) reject(Object.assign(error, { code: 'STORE_UNAVAILABLE' }));",
  },
  {
    name: 'a group does not look at the progress that the table holds',
    file: GROUP,
    text: '(held === snapshot.txnVersion(txn.appId) && (held === null || held < txn.version));',
    instead: 'true;',
  },
  {
    name: 'two batches of one application leave in one commit',
    file: GROUP,
    text: '(appId === undefined || !appIds.has(appId)));',
    instead: 'true);',
  },
  {
    name: 'a group does not look at what the table was for each',
    file: GROUP,
    text: '(isFresh && sameDescription(snapshot, base) ? together : alone).push(it);',
    instead: '(isFresh ? together : alone).push(it);',
  },
  {
    name: 'a group does not write the progress of those in it',
    file: GROUP,
    text: 'txn === undefined ? [] :',
    instead: 'txn !== null ? [] :',
  },
  {
    name: 'a signal does not stop an append that waits for its group',
    file: GROUP,
    text: 'it.reject(spec.signal.reason);\n        continue;',
    instead: 'it.reject(spec.signal.reason);',
  },
  {
    name: 'who lists the log leaves a half-done commit',
    file: COORDINATED,
    text: 'if (entry !== null && !entry.complete) await this.#finish(log, entry);',
    instead: '',
  },
  {
    name: 'a commit does not wait for the one before it',
    file: COORDINATED,
    text: 'await this.#settlePrevious(log, fileName);',
    instead: '',
  },
  {
    name: 'an entry is complete before its file is there',
    file: COORDINATED,
    text: 'isFirst = await this.#copy(log, entry, bytes);\n      await this.#acknowledge(entry);',
    instead:
      'await this.#acknowledge(entry);\n      isFirst = await this.#copy(log, entry, bytes);',
  },
  {
    name: 'an entry overwrites what is there',
    file: COORDINATED,
    text: "if ((await table.create(entry)) === 'exists') {",
    instead: 'await table.replace(entry);\n    if (tablePath === fileName) {',
  },
  {
    name: 'a lost race for an entry counts as won',
    file: COORDINATED,
    text: 'return this.#yieldTo(log, { holder, tempPath });',
    instead: "return { kind: 'written', etag: '' };",
  },
  {
    name: 'an entry names a file that is not written yet',
    file: COORDINATED,
    text: "const temp = await this.inner.put(inLog(log, tempPath), bytes, { kind: 'overwrite' });",
    instead: "const temp = { kind: 'written', etag: '' };",
  },
  {
    name: 'the log is not looked at before an entry is made',
    file: COORDINATED,
    text: "if ((await this.inner.head(commitPath(log, fileName))) !== null) return { kind: 'exists' };",
    instead: '',
  },
  {
    name: 'a half-done commit of another is acknowledged without its file',
    file: COORDINATED,
    text: '    await this.#copy(log, entry, bytes);\n    await this.#acknowledge(entry);',
    instead: '    await this.#acknowledge(entry);',
  },
];
