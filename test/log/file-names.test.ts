import { expect, test } from 'vitest';

import {
  checkpointPath,
  checksumPath,
  commitPath,
  compactedPath,
  parseLogFileName,
  stagedCommitPath,
  versionPrefix,
} from '../../src/log/index.ts';
import { sidecarPath } from '../../src/log/file-names.ts';

const V = '00000000000000000010';
const UUID = '80a083e8-7026-4e79-81be-64bd76c43a11';

test.each([
  [`${V}.json`, { kind: 'commit', version: 10 }],
  [`${V}.crc`, { kind: 'checksum', version: 10 }],
  [`${V}.checkpoint.parquet`, { kind: 'checkpoint', version: 10 }],
  [
    `${V}.checkpoint.0000000002.0000000003.parquet`,
    { kind: 'checkpointPart', version: 10, part: 2, parts: 3 },
  ],
  [
    `${V}.checkpoint.${UUID}.json`,
    { kind: 'checkpointV2', version: 10, unique: UUID, format: 'json' },
  ],
  [
    `${V}.checkpoint.abc-def.parquet`,
    { kind: 'checkpointV2', version: 10, unique: 'abc-def', format: 'parquet' },
  ],
  [`${V}.00000000000000000012.compacted.json`, { kind: 'compacted', version: 10, endVersion: 12 }],
])('knows %s', (name, expected) => {
  expect(parseLogFileName(name)).toEqual(expected);
});

test.each([
  `.${V}.json.crc`,
  `${V}.json.crc`,
  `${V}.json.tmp`,
  `x${V}.json`,
  `0${V}.json`,
  `10.json`,
  `${V}.checkpoint.parquet.tmp`,
  `${V}.checkpoint.a.b.parquet`,
  `${V}.checkpoint.0000000004.0000000003.parquet`,
  `${V}.${V}.compacted.json`,
  '99999999999999999999.json',
  '_last_checkpoint',
])('passes over %s', (name) => {
  expect(parseLogFileName(name)).toBeNull();
});

test('knows where staged commits and sidecars are', () => {
  const name = `${V}.${UUID}.json`;
  expect(stagedCommitPath(10, name)).toBe(`_delta_log/_staged_commits/${name}`);
  expect(stagedCommitPath(11, name)).toBeNull();
  expect(stagedCommitPath(10, `../${name}`)).toBeNull();
  expect(stagedCommitPath(10, `${V}.json`)).toBeNull();
  expect(sidecarPath('s3://b/t/_delta_log/_sidecars/a%20b.parquet')).toBe(
    '_delta_log/_sidecars/a b.parquet',
  );
});

test('makes names that it reads back, and a prefix that sorts between versions', () => {
  const nameOf = (path: string): string => path.slice('_delta_log/'.length);
  expect(parseLogFileName(nameOf(commitPath(7)))).toEqual({ kind: 'commit', version: 7 });
  expect(parseLogFileName(nameOf(checkpointPath(7)))).toEqual({ kind: 'checkpoint', version: 7 });
  expect(parseLogFileName(nameOf(checksumPath(7)))).toEqual({ kind: 'checksum', version: 7 });
  expect(parseLogFileName(nameOf(compactedPath(7, 12)))).toEqual({
    kind: 'compacted',
    version: 7,
    endVersion: 12,
  });
  expect(versionPrefix(10) > commitPath(9)).toBe(true);
  expect(versionPrefix(10) < checkpointPath(10)).toBe(true);
});
