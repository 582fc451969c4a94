import { describe, expect, test } from 'vitest';

import {
  featureNamed,
  PORTABLE_PROTOCOL,
  type Protocol,
  supportedFeatures,
  withFeatures,
  withoutFeature,
  withVersions,
} from '../../src/log/index.ts';

const legacy = (minReaderVersion: number, minWriterVersion: number): Protocol => ({
  minReaderVersion,
  minWriterVersion,
});

describe('withFeatures', () => {
  test('names what the versions before implied', () => {
    expect(withFeatures(PORTABLE_PROTOCOL, ['deletionVectors'])).toEqual({
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['deletionVectors'],
      writerFeatures: ['appendOnly', 'deletionVectors', 'invariants'],
    });
  });

  test('leaves readers alone for what only writers must know', () => {
    expect(withFeatures(PORTABLE_PROTOCOL, ['rowTracking'])).toEqual({
      minReaderVersion: 1,
      minWriterVersion: 7,
      writerFeatures: ['appendOnly', 'domainMetadata', 'invariants', 'rowTracking'],
    });
  });

  test('takes a version where one says exactly that', () => {
    expect(withFeatures(PORTABLE_PROTOCOL, ['checkConstraints'])).toEqual(legacy(1, 3));
    expect(withFeatures(legacy(1, 4), ['columnMapping'])).toEqual(legacy(2, 5));
  });

  test('takes column mapping from versions into both lists', () => {
    expect(withFeatures(legacy(2, 5), ['icebergCompatV2'])).toMatchObject({
      minReaderVersion: 3,
      readerFeatures: ['columnMapping'],
    });
  });

  test('changes nothing where the table has it, also by an early name', () => {
    const early: Protocol = {
      ...legacy(3, 7),
      readerFeatures: ['typeWidening-preview'],
      writerFeatures: ['typeWidening-preview'],
    };
    expect(withFeatures(early, ['typeWidening'])).toBe(early);
    expect(withFeatures(PORTABLE_PROTOCOL, ['appendOnly'])).toBe(PORTABLE_PROTOCOL);
  });

  test('keeps features that nobody knows', () => {
    const later: Protocol = { ...legacy(1, 7), writerFeatures: ['unheardOf'] };
    expect(withFeatures(later, ['appendOnly']).writerFeatures).toEqual(['appendOnly', 'unheardOf']);
  });
});

describe('withoutFeature', () => {
  test('goes back to the versions that say the rest', () => {
    const raised = withFeatures(PORTABLE_PROTOCOL, ['vacuumProtocolCheck']);
    expect(withoutFeature(raised, 'vacuumProtocolCheck')).toEqual(PORTABLE_PROTOCOL);
  });

  test('drops an early name with the feature, and reader version 3 with the last reader feature', () => {
    const early: Protocol = {
      ...legacy(3, 7),
      readerFeatures: ['typeWidening-preview'],
      writerFeatures: ['rowTracking', 'typeWidening-preview'],
    };
    expect(withoutFeature(early, 'typeWidening')).toEqual({
      ...legacy(1, 7),
      writerFeatures: ['rowTracking'],
    });
  });

  test('refuses to take away what another feature rests on', () => {
    const raised = withFeatures(PORTABLE_PROTOCOL, ['clustering']);
    expect(() => withoutFeature(raised, 'domainMetadata')).toThrow(
      expect.objectContaining({
        code: 'FEATURE_NEEDED',
        message: expect.stringContaining('clustering') as string,
      }),
    );
  });
});

test('versions are raised, never lowered, and lists come with 7', () => {
  expect(withVersions(legacy(1, 4), { reader: 1, writer: 2 })).toEqual(legacy(1, 4));
  expect(withVersions(PORTABLE_PROTOCOL, { reader: 2, writer: 2 })).toEqual(legacy(2, 5));
  expect(withVersions(legacy(2, 5), { reader: 3, writer: 2 })).toEqual({
    ...legacy(3, 7),
    readerFeatures: ['columnMapping'],
    writerFeatures: [...supportedFeatures(legacy(2, 5))].toSorted(),
  });
});

test('a list names no column mapping that readers were not told of, and that of reader version 2', () => {
  const { writerFeatures } = withFeatures(legacy(1, 5), ['domainMetadata']);
  expect(writerFeatures).not.toContain('columnMapping');
  const clustered: Protocol = { ...legacy(1, 7), writerFeatures: ['clustering', 'domainMetadata'] };
  expect(withVersions(clustered, { reader: 2, writer: 2 })).toEqual({
    ...legacy(3, 7),
    readerFeatures: ['columnMapping'],
    writerFeatures: ['clustering', 'columnMapping', 'domainMetadata'],
  });
});

test('a version that readers are not told of implies no column mapping', () => {
  expect(supportedFeatures(legacy(1, 5)).has('columnMapping')).toBe(false);
  expect(supportedFeatures(legacy(2, 5)).has('columnMapping')).toBe(true);
});

test('features go by their names, ignoring case', () => {
  expect(featureNamed('DELETIONVECTORS')).toBe('deletionVectors');
  expect(() => featureNamed('unheardOf')).toThrow(
    expect.objectContaining({ code: 'FEATURE_UNKNOWN' }),
  );
});
