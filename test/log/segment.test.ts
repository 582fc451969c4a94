import { describe, expect, test } from 'vitest';

import {
  checkpointPath,
  checksumPath,
  chooseSegment,
  commitPath,
  compactedPath,
  earliestVersion,
  type Listing,
  readListing,
  versionPrefix,
} from '../../src/log/index.ts';

function listing(...paths: string[]): Listing {
  return readListing(paths.map((path) => ({ path, sizeBytes: 1, modifiedMs: 0 })));
}

function commits(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => commitPath(from + index));
}

function part(version: number, number: number, count: number): string {
  const digits = (value: number): string => String(value).padStart(10, '0');
  return `${versionPrefix(version)}.checkpoint.${digits(number)}.${digits(count)}.parquet`;
}

function versions(from: Listing, version: number | null, unusable: string[] = []): unknown {
  const segment = chooseSegment(from, { version, unusable: new Set(unusable) });
  return [
    segment.checkpoint?.version ?? null,
    segment.commits.map((commit) => commit.version),
    segment.version,
  ];
}

describe('chooseSegment', () => {
  test('takes all commits where there is no checkpoint', () => {
    expect(versions(listing(...commits(0, 2)), null)).toEqual([null, [0, 1, 2], 2]);
  });

  test('takes the newest checkpoint at or before the version, and the commits after it', () => {
    const log = listing(...commits(0, 5), checkpointPath(2), checkpointPath(4));
    expect(versions(log, null)).toEqual([4, [5], 5]);
    expect(versions(log, 4)).toEqual([4, [], 4]);
    expect(versions(log, 3)).toEqual([2, [3], 3]);
    expect(versions(log, 1)).toEqual([null, [0, 1], 1]);
  });

  test('falls back to what an unreadable checkpoint leaves', () => {
    const log = listing(...commits(0, 5), checkpointPath(2), checkpointPath(4));
    expect(versions(log, null, [checkpointPath(4)])).toEqual([2, [3, 4, 5], 5]);
    expect(versions(log, null, [checkpointPath(4), checkpointPath(2)])).toEqual([
      null,
      [0, 1, 2, 3, 4, 5],
      5,
    ]);
  });

  test('ignores a checkpoint of which a part is missing', () => {
    const log = listing(
      ...commits(0, 3),
      part(2, 1, 3),
      part(2, 3, 3),
      part(1, 2, 2),
      part(1, 1, 2),
    );
    expect(versions(log, null)).toEqual([1, [2, 3], 3]);
    expect(chooseSegment(log, { version: 1 }).checkpoint?.files.map((file) => file.path)).toEqual([
      part(1, 1, 2),
      part(1, 2, 2),
    ]);
  });

  test('reads a version whose commit is gone from its checkpoint', () => {
    expect(versions(listing(checkpointPath(7), commitPath(8)), 7)).toEqual([7, [], 7]);
  });

  test.each([
    ['an empty log', listing(), null, 'TABLE_NOT_FOUND'],
    ['a log of other files', listing(checksumPath(3)), null, 'TABLE_NOT_FOUND'],
    ['a gap', listing(commitPath(0), commitPath(2)), null, 'LOG_GAP'],
    ['a gap after a checkpoint', listing(checkpointPath(4), commitPath(6)), null, 'LOG_GAP'],
    ['a start later than 0', listing(...commits(3, 4)), null, 'LOG_GAP'],
    ['a version after the last', listing(...commits(0, 2)), 3, 'VERSION_NOT_FOUND'],
    ['a version below 0', listing(...commits(0, 2)), -1, 'VERSION_NOT_FOUND'],
    [
      'a version that was cleaned up',
      listing(...commits(3, 6), checkpointPath(4)),
      3,
      'VERSION_NOT_FOUND',
    ],
  ])('refuses %s', (_case, log, version, code) => {
    expect(() => chooseSegment(log, { version })).toThrow(expect.objectContaining({ code }));
  });

  test('names the version that is missing', () => {
    const log = listing(commitPath(0), commitPath(2));
    expect(() => chooseSegment(log, { version: null })).toThrow(
      /commit of version 1 is missing from the log \(_delta_log\/00000000000000000001.json\)/,
    );
  });

  test('prefers, of one version, what is written at once and says most', () => {
    const unique = `${versionPrefix(2)}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json`;
    const log = listing(unique, checkpointPath(2), part(2, 1, 2), part(2, 2, 2), ...commits(0, 3));
    const first = (unusable: string[]): unknown =>
      chooseSegment(log, { version: null, unusable: new Set(unusable) }).checkpoint?.files[0]?.path;
    expect(first([])).toBe(unique);
    expect(first([unique])).toBe(checkpointPath(2));
    expect(first([unique, checkpointPath(2)])).toBe(part(2, 1, 2));
    expect(first([unique, checkpointPath(2), part(2, 1, 2)])).toBeUndefined();
  });
});

describe('the tail', () => {
  /** Commits by their version, compacted files as `from-to`. */
  function tail(log: Listing, version: number | null, unusable: string[] = []): unknown {
    return chooseSegment(log, { version, unusable: new Set(unusable) }).tail.map((step) =>
      step.kind === 'commit' ? step.commit.version : `${step.file.version}-${step.file.endVersion}`,
    );
  }

  test('takes the longest compacted file from each version on', () => {
    const log = listing(
      ...commits(0, 8),
      compactedPath(1, 2),
      compactedPath(1, 3),
      compactedPath(4, 5),
    );
    expect(tail(log, null)).toEqual([0, '1-3', '4-5', 6, 7, 8]);
    expect(tail(log, null, [compactedPath(1, 3)])).toEqual([0, '1-2', 3, '4-5', 6, 7, 8]);
  });

  test('never reaches before the checkpoint or after the version asked for', () => {
    const log = listing(
      ...commits(0, 8),
      checkpointPath(2),
      compactedPath(1, 4),
      compactedPath(4, 8),
    );
    expect(tail(log, null)).toEqual([3, '4-8', 8]);
    expect(tail(log, 7)).toEqual([3, 4, 5, 6, 7]);
  });

  test('reads the last commit itself, and no file more for it', () => {
    expect(tail(listing(...commits(0, 1), compactedPath(0, 1)), null)).toEqual([0, 1]);
    expect(tail(listing(...commits(0, 2), compactedPath(0, 2)), null)).toEqual(['0-2', 2]);
  });

  test('does not stand in for a commit that is missing', () => {
    const log = listing(commitPath(0), commitPath(2), compactedPath(0, 2));
    expect(() => tail(log, null)).toThrow(expect.objectContaining({ code: 'LOG_GAP' }));
  });
});

test('the first version from which on all can be built', () => {
  const earliest = (...paths: string[]): number => earliestVersion(listing(...paths));
  expect(earliest(...commits(0, 5), checkpointPath(3))).toBe(0);
  expect(earliest(...commits(3, 5), checkpointPath(2), checkpointPath(4))).toBe(2);
  expect(earliest(...commits(3, 5), checkpointPath(1), checkpointPath(4))).toBe(4);
  expect(earliest(...commits(0, 3), ...commits(5, 9), checkpointPath(2), checkpointPath(6))).toBe(
    6,
  );
  expect(earliest(checkpointPath(2), checkpointPath(4))).toBe(4);
});
