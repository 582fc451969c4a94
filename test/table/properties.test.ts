import { describe, expect, test } from 'vitest';

import type { Metadata } from '../../src/log/index.ts';
import { commonInterval, parseInterval } from '../../src/table/interval.ts';
import {
  checkpointInterval,
  deletedFileRetentionMs,
  isManifestEnabled,
  protectedBefore,
  txnRetentionMs,
} from '../../src/table/properties.ts';
import { checkProperties } from '../../src/table/property-rules.ts';

function metadataOf(configuration: Readonly<Record<string, string>>): Metadata {
  return {
    id: 'x',
    format: { provider: 'parquet', options: {} },
    schemaString: '{"type":"struct","fields":[]}',
    partitionColumns: [],
    configuration,
  };
}

test.each([
  ['interval 1 week', 604_800_000],
  ['INTERVAL 30 DAYS', 2_592_000_000],
  ['1 day 12 hours', 129_600_000],
  ['interval 5 minutes 1 second 2 milliseconds', 300_000 + 1_000 + 2],
  ['interval 1 month', null],
  ['7', null],
  ['', null],
  ['interval', null],
  ['-1 days', null],
])('the duration %j is %j ms', (text, expected) => {
  expect(parseInterval(text)).toBe(expected);
});

test.each([
  ['interval 1 week', 'interval 1 week'],
  ['INTERVAL 30 DAYS', 'interval 30 days'],
  ['30 days', 'interval 30 days'],
  ['interval 1 week 2 days', 'interval 9 days'],
  ['1 day 12 hours', 'interval 36 hours'],
  ['5 microseconds', 'interval 5 microseconds'],
  ['0 hours', 'interval 0 weeks'],
  ['soon', null],
])('the duration %j is %j to every engine', (text, expected) => {
  expect(commonInterval(text)).toBe(expected);
});

describe('checkProperties', () => {
  test('gives values as every engine reads them', () => {
    expect(
      checkProperties({
        'delta.appendOnly': 'TRUE',
        'delta.columnMapping.mode': 'Name',
        'delta.checkpointPolicy': 'V2',
        'delta.isolationLevel': 'SERIALIZABLE',
        'delta.logRetentionDuration': '60 Days',
        'owner.team': 'TRUE',
      }),
    ).toEqual({
      'delta.appendOnly': 'true',
      'delta.columnMapping.mode': 'name',
      'delta.checkpointPolicy': 'v2',
      'delta.isolationLevel': 'Serializable',
      'delta.logRetentionDuration': 'interval 60 days',
      'owner.team': 'TRUE',
    });
  });

  test('takes known ones and anybody’s own', () => {
    expect(() =>
      checkProperties({
        'delta.appendOnly': 'TRUE',
        'delta.checkpointInterval': '20',
        'delta.dataSkippingNumIndexedCols': '-1',
        'delta.deletedFileRetentionDuration': 'interval 2 days',
        'delta.randomizeFilePrefixes': 'true',
        'delta.randomPrefixLength': '4',
        'delta.compatibility.symlinkFormatManifest.enabled': 'true',
        'delta.columnMapping.mode': 'name',
        'delta.enableDeletionVectors': 'false',
        'delta.feature.vacuumprotocolcheck': 'supported',
        'delta.minWriterVersion': '7',
        'owner.team': 'x',
      }),
    ).not.toThrow();
  });

  test.each([
    ['delta.checkpointinterval', '10', 'PROPERTY_INVALID'],
    ['Delta.appendOnly', 'true', 'PROPERTY_INVALID'],
    ['delta.checkpointInterval', 'ten', 'PROPERTY_INVALID'],
    ['delta.appendOnly', 'yes', 'PROPERTY_INVALID'],
    ['delta.logRetentionDuration', '1 month', 'PROPERTY_INVALID'],
    ['delta.isolationLevel', 'WriteSerializable', 'PROPERTY_INVALID'],
    ['delta.columnMapping.mode', 'path', 'PROPERTY_INVALID'],
    ['delta.columnMapping.maxColumnId', '4', 'PROPERTY_INVALID'],
    ['delta.minReaderVersion', '4', 'PROPERTY_INVALID'],
    ['delta.enableChangeDataFeed', 'yes', 'PROPERTY_INVALID'],
    ['delta.constraints.positive', 'n > 0', 'PROPERTY_INVALID'],
    ['delta.feature.deletionVectors', 'off', 'PROPERTY_INVALID'],
    ['delta.feature.unheardOf', 'supported', 'FEATURE_UNKNOWN'],
  ])('refuses %s=%s', (key, value, code) => {
    expect(() => checkProperties({ [key]: value })).toThrow(expect.objectContaining({ code }));
  });

  test('says what adds a constraint, which is no property to set, in any case', () => {
    expect(() => checkProperties({ 'delta.Constraints.positive': 'n > 0' })).toThrow(
      /addConstraint\('positive', …\)/,
    );
  });
});

test('properties have Spark’s defaults, also where others wrote them wrong', () => {
  const plain = metadataOf({});
  expect([checkpointInterval(plain), deletedFileRetentionMs(plain), txnRetentionMs(plain)]).toEqual(
    [10, 604_800_000, null],
  );
  expect(isManifestEnabled(plain)).toBe(false);
  const wrong = metadataOf({
    'delta.checkpointInterval': '-3',
    'delta.deletedFileRetentionDuration': 'soon',
  });
  expect([checkpointInterval(wrong), deletedFileRetentionMs(wrong)]).toEqual([10, 604_800_000]);
});

test.each([
  [undefined, 0],
  ['7', 7],
  ['soon', Number.POSITIVE_INFINITY],
])('checkpoints before version %s are protected: up to %s', (value, first) => {
  const name = 'delta.requireCheckpointProtectionBeforeVersion';
  const metadata = metadataOf(value === undefined ? {} : { [name]: value });
  expect(protectedBefore(metadata)).toBe(first);
});
