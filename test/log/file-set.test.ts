import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  type Action,
  type AddFile,
  type FileColumns,
  type FileSet,
  Replay,
} from '../../src/log/index.ts';
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
  const { files } = replay.finish(100);
  expect(files.size).toBe(live.size);
  expect(new Map(Array.from(files.values(), (file) => [file.path, file]))).toEqual(live);
  expect(files.sizeBytes).toBe([...live.values()].reduce((sum, { size }) => sum + size, 0));
  for (const path of ['part-1', 'part-14009', 'part-10']) {
    expect(files.get(path)).toEqual(live.get(path));
  }
  const partition = ({ day }: AddFile['partitionValues']): boolean => day === '3';
  const some = Array.from(files.select({ partition, statistics: false }));
  expect(some.length).toBe([...live.values()].filter((it) => partition(it.partitionValues)).length);
});

/** Files as columns, as a checkpoint has them. */
function columnsOf(paths: readonly string[]): FileColumns {
  const replay = new Replay(null);
  replay.commit([...FIRST, ...paths.map((path, size) => add(path, { size }))]);
  const { columns } = replay.finish(0).files;
  if (columns === null) throw new TypeError('so few files are not kept in columns');
  return columns;
}

const NAMES = ['below', 'beside', 'new'] as const;
const MANY = 5_000;

function pathsOf(kind: (typeof NAMES)[number], count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index}`);
}

const BELOW = columnsOf(pathsOf('below', MANY));

const change = fc.record({
  isAdd: fc.boolean(),
  path: fc.tuple(fc.constantFrom(...NAMES), fc.nat(9)).map(([name, number]) => `${name}-${number}`),
  size: fc.nat(99),
});

/** What is asked first decides what is looked up when. */
const QUESTIONS = ['values', 'size', 'get', 'nothing'] as const;

const commit = fc.record({
  changes: fc.uniqueArray(change, { selector: ({ path }) => path, maxLength: 6 }),
  isLong: fc.boolean(),
  isFinished: fc.boolean(),
  question: fc.constantFrom(...QUESTIONS),
});

test('files below and beside columns are those of a plain map, whatever commits do and whenever they are asked for', () => {
  fc.assert(
    fc.property(fc.nat(1), fc.array(commit, { maxLength: 5 }), (beside, commits) => {
      const others = pathsOf('beside', beside === 0 ? 5 : MANY).map((path) => add(path));
      const live = new Map<string, number>();
      for (const [size, path] of pathsOf('below', MANY).entries()) live.set(path, size);
      const note = (action: Action): void => {
        if (action.kind === 'add') live.set(action.add.path, action.add.size);
        if (action.kind === 'remove') live.delete(action.remove.path);
      };
      others.forEach(note);
      let replay = new Replay(null);
      replay.apply([...FIRST, ...others]);
      replay.columns(BELOW);
      for (const [number, { changes, isLong, isFinished, question }] of commits.entries()) {
        const actions: Action[] = changes.map(({ isAdd, path, size }) =>
          isAdd ? add(path, { size }) : remove(path),
        );
        if (isLong) actions.push(...pathsOf('new', MANY).map((path) => add(path, { size: 7 })));
        replay.commit(actions);
        actions.forEach(note);
        if (!isFinished) continue;
        const state = replay.finish(number + 1);
        expectAnswer(state.files, live, question);
        replay = new Replay(state);
      }
      const { files } = replay.finish(commits.length + 1);
      for (const question of QUESTIONS) expectAnswer(files, live, question);
    }),
    { numRuns: 30 },
  );
});

function expectAnswer(
  files: FileSet,
  live: ReadonlyMap<string, number>,
  question: (typeof QUESTIONS)[number],
): void {
  if (question === 'values') {
    const found = Array.from(files.values(), ({ path, size }) => [path, size] as const);
    expect(found.length).toBe(live.size);
    expect(new Map(found)).toEqual(live);
  } else if (question === 'size') {
    expect(files.size).toBe(live.size);
    expect(files.sizeBytes).toBe([...live.values()].reduce((sum, size) => sum + size, 0));
  } else if (question === 'get') {
    for (const name of NAMES) {
      for (const path of pathsOf(name, 10)) {
        expect(files.get(path)?.size ?? null).toBe(live.get(path) ?? null);
      }
    }
  }
}
