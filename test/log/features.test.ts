import { describe, expect, test } from 'vitest';

import {
  type Action,
  checkReadable,
  checkWritable,
  isAppendOnly,
  type Protocol,
  writeScope,
} from '../../src/log/index.ts';
import { add, METADATA, metadataWith, remove } from './actions.ts';

const protocol = (minReaderVersion: number, minWriterVersion: number): Protocol => ({
  minReaderVersion,
  minWriterVersion,
});
const features = (readerFeatures: string[], writerFeatures: string[]): Protocol => ({
  ...protocol(3, 7),
  readerFeatures,
  writerFeatures: [...readerFeatures, ...writerFeatures],
});
const RETYPED =
  '{"type":"struct","fields":[{"name":"id","type":"integer","nullable":true,"metadata":' +
  '{"delta.typeChanges":[{"fromType":"string","toType":"integer"}]}}]}';
const MAPPED = metadataWith({ 'delta.columnMapping.mode': 'name' });

describe('checkReadable', () => {
  test.each([
    ['reader 1', protocol(1, 2), METADATA],
    ['any writer version', protocol(1, 8), METADATA],
    ['reader 2 without column mapping', protocol(2, 5), METADATA],
    ['features that ask nothing of readers', features([], ['rowTracking', 'unheardOf']), METADATA],
    [
      'features that are supported',
      features(['deletionVectors', 'timestampNtz', 'v2Checkpoint', 'vacuumProtocolCheck'], []),
      METADATA,
    ],
    ['the early name of timestampNtz', features(['timestampWithoutTimezone'], []), METADATA],
    ['type widening by its early name', features(['typeWidening-preview'], []), METADATA],
    ['columnMapping that is listed alone', features(['columnMapping'], []), METADATA],
    ['columnMapping by version', protocol(2, 5), MAPPED],
    ['columnMapping by list', features(['columnMapping'], []), MAPPED],
  ])('takes %s', (_case, given, metadata) => {
    expect(() => checkReadable(given, metadata)).not.toThrow();
  });

  test.each([
    [
      'a mode of columnMapping that nobody knows',
      protocol(2, 5),
      metadataWith({ 'delta.columnMapping.mode': 'path' }),
      'columnMapping',
    ],
    [
      'a change of type that nobody knows',
      features(['typeWidening'], []),
      { ...METADATA, schemaString: RETYPED },
      'typeWidening of id: string to integer',
    ],
    ['all of several', features(['x', 'y'], []), METADATA, 'needs x, y; read it with'],
    ['catalogManaged alone', features(['catalogManaged'], []), METADATA, 'catalogManaged; open it'],
    ['a reader version of the future', protocol(4, 7), METADATA, 'reader version 4'],
  ])('refuses %s by name', (_case, given, metadata, name) => {
    expect(() => checkReadable(given, metadata)).toThrow(
      expect.objectContaining({
        code: 'FEATURE_UNSUPPORTED',
        message: expect.stringContaining(name) as string,
      }),
    );
  });

  test.each([
    ['reader 3 without writer 7', { ...protocol(3, 6), readerFeatures: [] }],
    ['a list below reader 3', { ...protocol(1, 7), readerFeatures: ['x'], writerFeatures: ['x'] }],
  ])('refuses %s', (_case, given) => {
    expect(() => checkReadable(given, METADATA)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_INVALID' }),
    );
  });
});

describe('checkWritable', () => {
  test.each([
    ['writer 2', protocol(1, 2), METADATA],
    ['legacy versions whose features are not used', protocol(2, 6), METADATA],
    [
      'listed features that are not used',
      features(['columnMapping'], ['invariants', 'checkConstraints', 'changeDataFeed']),
      metadataWith({ 'delta.enableChangeDataFeed': 'false' }),
    ],
  ])('takes %s', (_case, given, metadata) => {
    expect(() => checkWritable(given, metadata)).not.toThrow();
  });

  test.each([
    ['invariants', protocol(1, 2), metadataWith({}, { 'delta.invariants': '{}' })],
    ['checkConstraints', protocol(1, 3), metadataWith({ 'delta.constraints.c': 'id > 0' })],
    ['changeDataFeed', protocol(1, 4), metadataWith({ 'delta.enableChangeDataFeed': 'TRUE' })],
    ['generatedColumns', protocol(1, 4), metadataWith({}, { 'delta.generationExpression': 'x' })],
    ['identityColumns', protocol(1, 6), metadataWith({}, { 'delta.identity.start': '1' })],
    [
      'allowColumnDefaults',
      features([], ['allowColumnDefaults']),
      metadataWith({}, { CURRENT_DEFAULT: '1' }),
    ],
    ['collations', features([], ['collations', 'domainMetadata']), METADATA],
    ['unheardOf', features([], ['unheardOf']), METADATA],
    ['writer version 8', protocol(1, 8), METADATA],
    ['deletionVectors', features(['deletionVectors'], []), METADATA],
  ])('refuses %s by name', (name, given, metadata) => {
    expect(() => checkWritable(given, metadata)).toThrow(
      expect.objectContaining({
        code: 'FEATURE_UNSUPPORTED',
        message: expect.stringContaining(name) as string,
      }),
    );
  });
});

describe('what a commit does', () => {
  const feed = metadataWith({ 'delta.enableChangeDataFeed': 'true' });
  const checked = metadataWith({ 'delta.constraints.c': 'id > 0' });

  test('decides what it must heed of rules for rows and files', () => {
    expect(() => checkWritable(protocol(1, 4), feed, 'append')).not.toThrow();
    expect(() => checkWritable(protocol(1, 4), feed, 'rearrange')).not.toThrow();
    expect(() => checkWritable(protocol(1, 3), checked, 'append')).toThrow('checkConstraints');
    expect(() => checkWritable(protocol(1, 3), checked, 'rearrange')).not.toThrow();
    const variants = features(['variantType'], []);
    const typed = {
      ...METADATA,
      schemaString: METADATA.schemaString.replace('"string"', '"variant"'),
    };
    expect(() => checkWritable(variants, typed, 'rearrange')).toThrow('variantType');
    expect(() => checkWritable(variants, typed, 'description')).not.toThrow();
    expect(() => checkWritable(variants, METADATA)).not.toThrow();
  });

  test('is told by its actions', () => {
    const still = add('c', { dataChange: false });
    const gone: Action = { kind: 'remove', remove: { path: 'b', dataChange: false } };
    const kinds = [
      [add('a')],
      [add('a'), remove('b')],
      [still, gone],
      [add('a'), gone],
      [{ kind: 'metaData', metaData: METADATA } as const],
    ].map(writeScope);
    expect(kinds).toEqual(['append', 'rewrite', 'rearrange', 'rewrite', 'description']);
  });
});

test('append-only is read without regard to case', () => {
  expect(isAppendOnly(metadataWith({ 'delta.appendOnly': 'True' }))).toBe(true);
  expect(isAppendOnly(METADATA)).toBe(false);
});
