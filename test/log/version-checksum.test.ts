import { expect, test } from 'vitest';

import {
  type Action,
  checksumDifferences,
  fileDifferences,
  type LogState,
  parseVersionChecksum,
  printVersionChecksum,
  Replay,
  type VersionChecksum,
} from '../../src/log/index.ts';
import { add, addFile, FIRST, METADATA, PROTOCOL, txn } from './actions.ts';

function stateOf(...actions: readonly Action[]): LogState {
  const replay = new Replay(null);
  replay.commit([{ kind: 'commitInfo', commitInfo: { txnId: 'id' } }, ...FIRST, ...actions]);
  return replay.finish(0);
}

function parse(json: object | string): VersionChecksum | null {
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  return parseVersionChecksum(new TextEncoder().encode(text), '0.crc');
}

function differences(state: LogState, json: object): readonly string[] {
  const checksum = parse(json);
  if (checksum === null) throw new Error('not read');
  return [...checksumDifferences(state, checksum), ...fileDifferences(state, checksum)];
}

test('holds sizes, protocol and metadata, and gives them back', () => {
  const bytes = printVersionChecksum(stateOf(add('a')));
  expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({
    txnId: 'id',
    tableSizeBytes: 10,
    numFiles: 1,
    numMetadata: 1,
    numProtocol: 1,
    metadata: METADATA,
    protocol: PROTOCOL,
    setTransactions: [],
    domainMetadata: [],
  });
  expect(parseVersionChecksum(bytes, '0.crc')).toMatchObject({
    protocol: PROTOCOL,
    metadata: METADATA,
    fileCount: 1,
    sizeBytes: 10,
    txns: [],
    histogram: null,
  });
});

test('is null where it is torn or an action in it is wrong, and lacks what it does not tell', () => {
  expect(parse('{"numFiles":1')).toBeNull();
  expect(parse('[]')).toBeNull();
  expect(parse('{"protocol":{},"metadata":{}}')).toBeNull();
  expect(parse('{"numFiles":1,"tableSizeBytes":-1,"fileSizeHistogram":{}}')).toMatchObject({
    fileCount: 1,
    sizeBytes: null,
    protocol: null,
    histogram: null,
  });
});

const VECTOR = { storageType: 'u', pathOrInlineDv: 'x', offset: 1, sizeInBytes: 3, cardinality: 2 };
const TOLD = {
  tableSizeBytes: 10_010,
  numFiles: 2,
  protocol: { ...PROTOCOL, readerFeatures: null },
  metadata: METADATA,
  setTransactions: [
    { appId: 'app', version: 3 },
    { appId: 'long gone', version: 1 },
  ],
  domainMetadata: [{ domain: 'd', configuration: '{}', removed: false }],
  allFiles: [addFile('a'), addFile('b%20c', { size: 10_000, deletionVector: VECTOR })],
  fileSizeHistogram: {
    sortedBinBoundaries: [0, 11, 9_999],
    fileCounts: [1, 0, 1],
    totalBytes: [10, 0, 10_000],
  },
  numDeletionVectorsOpt: 1,
  numDeletedRecordsOpt: 2,
};

const STATE = stateOf(
  add('a'),
  add('b c', { size: 10_000, deletionVector: VECTOR }),
  txn('app', 3),
  {
    kind: 'domainMetadata',
    domainMetadata: { domain: 'd', configuration: '{}', removed: false },
  },
);

test('agrees with a state that is what it says', () => {
  expect(differences(STATE, TOLD)).toEqual([]);
  expect(differences(STATE, {})).toEqual([]);
});

test.each([
  ['tableSizeBytes', { tableSizeBytes: 9 }],
  ['numFiles', { numFiles: 3 }],
  ['protocol', { protocol: { ...PROTOCOL, minWriterVersion: 3 } }],
  ['metadata', { metadata: { ...METADATA, configuration: { 'delta.appendOnly': 'true' } } }],
  ['setTransactions', { setTransactions: [{ appId: 'app', version: 4 }] }],
  ['domainMetadata', { domainMetadata: [] }],
  ['allFiles', { allFiles: [addFile('a'), addFile('b')] }],
  ['allFiles', { allFiles: [addFile('a'), addFile('b c', { size: 10_000 })] }],
  [
    'fileSizeHistogram',
    { fileSizeHistogram: { sortedBinBoundaries: [0], fileCounts: [2], totalBytes: [10_011] } },
  ],
  ['numDeletionVectorsOpt', { numDeletionVectorsOpt: 0 }],
  ['numDeletedRecordsOpt', { numDeletedRecordsOpt: 3 }],
])('names %s where it differs', (name, members) => {
  expect(differences(STATE, { ...TOLD, ...members })).toEqual([name]);
});
