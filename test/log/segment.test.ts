import { describe, expect, test } from 'vitest';

import {
  checkpointPath,
  checksumPath,
  chooseSegment,
  commitPath,
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

function versions(from: Listing, version: number | null, unreadable: string[] = []): unknown {
  const segment = chooseSegment(from, { version, unreadable: new Set(unreadable) });
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
    [
      'a log that only a V2 checkpoint completes',
      listing(
        `${versionPrefix(4)}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet`,
        commitPath(5),
      ),
      null,
      'FEATURE_UNSUPPORTED',
    ],
  ])('refuses %s', (_case, log, version, code) => {
    expect(() => chooseSegment(log, { version })).toThrow(expect.objectContaining({ code }));
  });

  test('names the version that is missing', () => {
    const log = listing(commitPath(0), commitPath(2));
    expect(() => chooseSegment(log, { version: null })).toThrow(/commit of version 1 is missing/);
  });
});
