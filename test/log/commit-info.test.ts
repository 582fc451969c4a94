import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { type Action, commitInfo, ENGINE_INFO, txnIdOf } from '../../src/log/index.ts';
import { add, remove } from './actions.ts';

function infoOf(actions: readonly Action[], dependsOnFiles: boolean) {
  const action = commitInfo({
    timestampMs: 5,
    txnId: 'id',
    operation: 'WRITE',
    operationParameters: { mode: 'Append' },
    operationMetrics: {},
    readVersion: 3,
    dependsOnFiles,
    actions,
    extra: { batchDigest: 'x', txnId: 'not this' },
  });
  return action.kind === 'commitInfo' ? action.commitInfo : {};
}

test('says who, what, on which version, and keeps further members from replacing that', () => {
  expect(infoOf([add('a')], false)).toEqual({
    timestamp: 5,
    operation: 'WRITE',
    operationParameters: { mode: 'Append' },
    readVersion: 3,
    isolationLevel: 'Serializable',
    isBlindAppend: true,
    operationMetrics: {},
    engineInfo: ENGINE_INFO,
    txnId: 'id',
    batchDigest: 'x',
  });
});

test('is a blind append only where nothing was read and nothing removed', () => {
  expect(infoOf([add('a')], true)['isBlindAppend']).toBe(false);
  expect(infoOf([add('a'), remove('b')], false)['isBlindAppend']).toBe(false);
});

test('a rearrangement runs under snapshot isolation', () => {
  expect(infoOf([add('a', { dataChange: false })], true)['isolationLevel']).toBe(
    'SnapshotIsolation',
  );
});

test('the engine’s version is the package’s', () => {
  const file = new URL('../../package.json', import.meta.url);
  const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  expect(ENGINE_INFO).toBe(`${name}/${version}`);
});

test('a commit without a txnId has none', () => {
  expect(txnIdOf(null)).toBeNull();
  expect(txnIdOf({ txnId: 3 })).toBeNull();
});
