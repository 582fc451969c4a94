/** Counts that are carried from commit to commit are those of the files. */

import {
  array,
  assert,
  boolean,
  constantFrom,
  integer,
  nat,
  oneof,
  property,
  record,
} from 'fast-check';
import { expect, test } from 'vitest';

import {
  type Action,
  adoptFileCounts,
  carryFileCounts,
  type DeletionVectorDescriptor,
  fileDifferences,
  hasFileCounts,
  type LogState,
  parseVersionChecksum,
  printVersionChecksum,
  Replay,
} from '../../src/log/index.ts';
import { addFile, METADATA } from './actions.ts';

const PROTOCOL = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ['deletionVectors'],
  writerFeatures: ['deletionVectors'],
};
const FIRST: readonly Action[] = [
  { kind: 'protocol', protocol: PROTOCOL },
  { kind: 'metaData', metaData: METADATA },
];

interface Step {
  readonly path: string;
  readonly size: number;
  /** Rows that a deletion vector of the new file deletes; 0 for none. */
  readonly deleted: number;
  readonly isRemoved: boolean;
}

const steps = array(
  array(
    record({
      path: constantFrom('a', 'b', 'c', 'd%20e', 'f'),
      size: oneof(nat(100), integer({ min: 8_000, max: 9_000 }), nat(2 ** 40)),
      deleted: nat(3),
      isRemoved: boolean(),
    }),
    { maxLength: 4 },
  ),
  { minLength: 1, maxLength: 8 },
);

function vector(cardinality: number): DeletionVectorDescriptor {
  return { storageType: 'u', pathOrInlineDv: `v${cardinality}`, sizeInBytes: 4, cardinality };
}

/** One action for each path, or two where its file is described anew; sometimes of files that are not there. */
function actionsOf(state: LogState | null, commit: readonly Step[]): readonly Action[] {
  const byPath = new Map(commit.map((step) => [step.path, step]));
  return [...byPath.values()].flatMap(({ path, size, deleted, isRemoved }): readonly Action[] => {
    const live = state?.files.get(path) ?? null;
    const { deletionVector } = live ?? {};
    const remove = {
      path,
      dataChange: true,
      ...(deletionVector === undefined ? {} : { deletionVector }),
    };
    if (isRemoved) return [{ kind: 'remove', remove }];
    const file = { ...addFile(path), size };
    const add = deleted === 0 ? file : { ...file, deletionVector: vector(deleted) };
    return live === null || deleted === 0
      ? [{ kind: 'add', add }]
      : [
          { kind: 'remove', remove },
          { kind: 'add', add },
        ];
  });
}

function follow(state: LogState | null, actions: readonly Action[]): LogState {
  const replay = new Replay(state);
  replay.commit(actions);
  return replay.finish((state?.version ?? -1) + 1);
}

test('a checksum file whose counts were carried agrees with all files, whatever was committed', () => {
  assert(
    property(steps, nat(7), (history, reopenedAt) => {
      let state: LogState | null = null;
      for (const [index, commit] of history.entries()) {
        const actions: readonly Action[] = [
          ...(state === null ? FIRST : []),
          ...actionsOf(state, commit),
        ];
        const next = follow(state, actions);
        carryFileCounts(state, next, actions);
        expect(hasFileCounts(next)).toBe(true);
        const bytes = printVersionChecksum(next, { counted: true });
        const checksum = parseVersionChecksum(bytes, 'n.crc');
        if (checksum?.histogram == null) throw new Error('not counted');
        expect(fileDifferences(next, checksum)).toEqual([]);
        state = next;
        if (index === reopenedAt) {
          // As after opening: the same state, of which nothing is known but its checksum file.
          state = { ...next };
          expect(hasFileCounts(state)).toBe(false);
          adoptFileCounts(state, checksum);
          expect(hasFileCounts(state)).toBe(true);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('counts are not taken from a checksum file that disagrees, or has other bins', () => {
  const state = follow(null, [...FIRST, { kind: 'add', add: addFile('a') }]);
  const text = new TextDecoder().decode(printVersionChecksum(state, { counted: true }));
  const adopted = (change: (json: string) => string): boolean => {
    const twin = { ...state };
    const bytes = new TextEncoder().encode(change(text));
    const checksum = parseVersionChecksum(bytes, 'n.crc');
    if (checksum !== null) adoptFileCounts(twin, checksum);
    return hasFileCounts(twin);
  };
  expect(adopted((json) => json)).toBe(true);
  expect(adopted((json) => json.replace('"numFiles":1', '"numFiles":2'))).toBe(false);
  expect(adopted((json) => json.replace('"fileCounts":[1', '"fileCounts":[2'))).toBe(false);
  expect(adopted((json) => json.replace(':[0,8192,', ':[0,8193,'))).toBe(false);
  expect(adopted((json) => json.replace('"numDeletionVectorsOpt":0', '"x":0'))).toBe(false);
});
