/** What is written is read again, whatever it holds: every action, path and partition value. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Action, parseCommit, pathKey, printCommit } from '../../src/log/index.ts';
import { encodePath, partitionPath } from '../../src/schema/index.ts';

/** Texts that writers have got wrong: percent signs, plus signs, separators, quotes, all of Unicode. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 8 }).filter((it) => it.isWellFormed()),
  fc.constantFrom(
    '%',
    '%25',
    'a%20b',
    '+',
    'a+b',
    'é',
    '日本',
    '𝄞',
    '\u2028',
    '"\\',
    'a\nb',
    '\u0000',
  ),
);
/** A member of its own name would be read as a prototype, not as a value. */
const name = text.filter((it) => it !== '__proto__');
const texts = fc.dictionary(name, text, { maxKeys: 3 });
const textsOrNull = fc.dictionary(name, fc.option(text), { maxKeys: 3 });
const count = fc.maxSafeNat();
const whole = fc.maxSafeInteger();
/** As they are read: a number where one is exact. */
const long = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
const vector = fc.record(
  {
    storageType: fc.constantFrom('u', 'i', 'p'),
    pathOrInlineDv: text,
    offset: count,
    sizeInBytes: count,
    cardinality: count,
  },
  { requiredKeys: ['storageType', 'pathOrInlineDv', 'sizeInBytes', 'cardinality'] },
);
const optionalOfFiles = {
  stats: text,
  tags: textsOrNull,
  deletionVector: vector,
  baseRowId: long,
  defaultRowCommitVersion: long,
};

const action: fc.Arbitrary<Action> = fc.oneof(
  fc
    .record(
      {
        path: text,
        partitionValues: textsOrNull,
        size: count,
        modificationTime: whole,
        dataChange: fc.boolean(),
        clusteringProvider: text,
        ...optionalOfFiles,
      },
      { requiredKeys: ['path', 'partitionValues', 'size', 'modificationTime', 'dataChange'] },
    )
    .map((add): Action => ({ kind: 'add', add })),
  fc
    .record(
      {
        path: text,
        dataChange: fc.boolean(),
        deletionTimestamp: whole,
        extendedFileMetadata: fc.boolean(),
        partitionValues: textsOrNull,
        size: count,
        ...optionalOfFiles,
      },
      { requiredKeys: ['path', 'dataChange'] },
    )
    .map((remove): Action => ({ kind: 'remove', remove })),
  fc
    .record(
      {
        path: text,
        partitionValues: textsOrNull,
        size: count,
        dataChange: fc.boolean(),
        tags: textsOrNull,
      },
      { requiredKeys: ['path', 'partitionValues', 'size', 'dataChange'] },
    )
    .map((cdc): Action => ({ kind: 'cdc', cdc })),
  fc
    .record(
      { appId: text, version: whole, lastUpdated: whole },
      { requiredKeys: ['appId', 'version'] },
    )
    .map((txn): Action => ({ kind: 'txn', txn })),
  fc
    .record(
      {
        id: text,
        name: text,
        description: text,
        format: fc.record({ provider: text, options: texts }),
        schemaString: text,
        partitionColumns: fc.array(text, { maxLength: 3 }),
        createdTime: whole,
        configuration: texts,
      },
      { requiredKeys: ['id', 'format', 'schemaString', 'partitionColumns', 'configuration'] },
    )
    .map((metaData): Action => ({ kind: 'metaData', metaData })),
  fc
    .record(
      {
        minReaderVersion: count,
        minWriterVersion: count,
        readerFeatures: fc.array(text, { maxLength: 3 }),
        writerFeatures: fc.array(text, { maxLength: 3 }),
      },
      { requiredKeys: ['minReaderVersion', 'minWriterVersion'] },
    )
    .map((protocol): Action => ({ kind: 'protocol', protocol })),
  fc
    .record({ domain: text, configuration: text, removed: fc.boolean() })
    .map((domainMetadata): Action => ({ kind: 'domainMetadata', domainMetadata })),
  fc
    .record({ operation: text, operationParameters: texts, timestamp: whole, rows: long })
    .map((commitInfo): Action => ({ kind: 'commitInfo', commitInfo })),
  fc
    .record({ future: fc.record({ value: long, note: text }) })
    .map((line): Action => ({ kind: 'unknown', line })),
);

test('a commit is read as it was written, to the last digit', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 5 }), (actions) => {
      expect(parseCommit(printCommit(actions), 'commit')).toEqual(actions);
    }),
  );
});

test('a commit that was read is written to the same bytes', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 5 }), (actions) => {
      const bytes = printCommit(actions);
      expect(printCommit(parseCommit(bytes, 'commit'))).toEqual(bytes);
    }),
  );
});

test('the path of a key in the log leads back to the key', () => {
  const key = fc
    .tuple(name, text)
    .map(([value, file]) => `${partitionPath(['p é%+'], [value])}/${file}.parquet`)
    .filter((it) => !it.startsWith('/'));
  fc.assert(
    fc.property(key, (it) => {
      expect(pathKey(encodePath(it))).toBe(it);
      expect(encodePath(it)).not.toMatch(/[\p{Z}\p{Cc}?#]|^[^/]*:/u);
    }),
  );
});
