import { expect, test } from 'vitest';

import { type Action, type AddFile, Replay } from '../../src/log/index.ts';
import { add, FIRST, remove } from './actions.ts';

/** More than are packed at once, some of them without statistics, added again, or removed. */
test('many files of a long log are the files that were added, with their statistics', () => {
  const replay = new Replay(null);
  replay.commit(FIRST);
  const live = new Map<string, AddFile>();
  for (let commit = 0; commit < 100; commit += 1) {
    const actions: Action[] = [];
    for (let index = 0; index < 150; index += 1) {
      const number = commit * 140 + index;
      const members = {
        size: number,
        partitionValues: { day: String(number % 7) },
        ...(number % 10 === 0
          ? {}
          : { stats: `{"numRecords":${commit},"name":"Ágata ${number}"}` }),
      };
      const action = add(`part-${number}`, members);
      actions.push(action);
      if (action.kind === 'add') live.set(`part-${number}`, action.add);
    }
    const gone = `part-${commit * 71}`;
    if (live.delete(gone)) actions.push(remove(gone));
    replay.commit(actions);
  }
  const { files, sizeBytes } = replay.finish(100);
  expect(files.size).toBe(live.size);
  expect(new Map(Array.from(files.values(), (file) => [file.path, file]))).toEqual(live);
  expect(sizeBytes).toBe([...live.values()].reduce((sum, { size }) => sum + size, 0));
  for (const path of ['part-1', 'part-14009', 'part-10']) {
    expect(files.get(path)).toEqual(live.get(path));
  }
  const partition = ({ day }: AddFile['partitionValues']): boolean => day === '3';
  const some = Array.from(files.select({ partition, statistics: false }));
  expect(some.length).toBe([...live.values()].filter((it) => partition(it.partitionValues)).length);
});
