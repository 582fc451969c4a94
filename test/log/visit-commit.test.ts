/** Lines that are taken apart where they stand say what they say to the parser of all JSON, or are left to it. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isDeltaError } from '../../src/base/index.ts';
import { parseCommit, visitCommit } from '../../src/log/codec.ts';
import { FileBlocks } from '../../src/log/file-blocks.ts';
import type { Action } from '../../src/log/index.ts';

const PATHS = [
  'a',
  '',
  'p=%20/é',
  's3a://b/c',
  'file:/x',
  '𝄞:%',
  'a"b',
  'a\\b',
  '\u0000',
  '\ud800',
];
const STATS = [
  '{"numRecords":1}',
  '{"a":"x\\"y\\\\"}',
  'é\n\t/',
  '\u2028',
  '\ud83d',
  '',
  '\\u0041',
];

const text = fc.oneof(
  fc.constantFrom(...PATHS, ...STATS),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const number = fc.oneof(
  fc.maxSafeNat().map(String),
  fc.constantFrom('0', '-0', '00', '01', '-1', '1.0', '1e3', '1E400', '.5', '1.', '+1', ''),
  fc.constantFrom(
    '999999999999999',
    '9007199254740991',
    '9007199254740993',
    '12345678901234567890',
  ),
);
const partitions = fc.oneof(
  fc.dictionary(text, fc.option(text), { maxKeys: 2 }).map((it) => JSON.stringify(it)),
  fc.constantFrom('{}', '{"a":"1","a":"2"}', '{ "a" : "1" }', '{"a":1}', '{"a":{}}', '{"a":["}"]}'),
  fc.constantFrom(
    '{"__proto__":"x"}',
    '{"a"}',
    '{"a":"1",}',
    '{,}',
    '{"a":"\\u00e9"}',
    '{"a":"\\q"}',
    'null',
  ),
);
const quoted = text.map((it) => JSON.stringify(it));
const other = fc.constantFrom(
  '"tags":null',
  '"tags":{"a":"b"}',
  '"deletionVector":null',
  '"baseRowId":null',
  '"baseRowId":7',
  '"baseRowId":9223372036854775807',
  '"defaultRowCommitVersion":3',
  '"clusteringProvider":null',
  '"clusteringProvider":"liquid"',
  '"unknown":{"a":[1,2.50]}',
  '"unknown":null',
  '"st\\u0061ts":"x"',
  '"deletionVector":{"storageType":"u","pathOrInlineDv":"x","sizeInBytes":1,"cardinality":1}',
  '"tags":7',
  '"stats":null',
  '"path":null',
  '"__proto__":null',
  '"__proto__":{"size":1}',
  '""',
);

/** A member, mostly as it should be. */
function member(name: string, value: fc.Arbitrary<string>, plain: string): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant(`"${name}":${plain}`) },
    { weight: 3, arbitrary: value.map((it) => `"${name}":${it}`) },
    { weight: 1, arbitrary: fc.constantFrom('', `"${name}" : ${plain}`, `"${name}":null`) },
  );
}

const members = fc
  .tuple(
    member('path', quoted, '"part-1.parquet"'),
    member('partitionValues', partitions, '{"day":"2024-01-01","uf":null}'),
    member('size', number, '1234'),
    member('modificationTime', number, '1700000000000'),
    member('dataChange', fc.constantFrom('true', 'false', 'tru', '"true"', '1'), 'true'),
    member('stats', quoted, JSON.stringify('{"numRecords":3,"minValues":{"é":"x"}}')),
    fc.array(other, { maxLength: 2 }),
  )
  .map(([...all]) => all.flat().filter((it) => it !== ''));

/** The members of an add as they come, and now and then in another order or one of them twice. */
const line = fc
  .tuple(
    fc.oneof(
      members,
      members.chain((all) => fc.shuffledSubarray([...all, ...all], { minLength: 1 })),
    ),
    fc.constantFrom(
      '',
      '',
      '',
      '',
      ' ',
      '\r',
      '}',
      ',',
      ' // note',
      '{"add":{}}',
      '\u00a0',
      '\ufeff',
    ),
  )
  .map(([all, behind]) => `{"add":{${all.join(',')}}}${behind}`);

/** A line with one of its characters gone, doubled or another. */
const broken = fc
  .tuple(
    line,
    fc.nat(),
    fc.constantFrom('', '"', '\\', '{', '}', '[', ',', ':', '\u0001', 'é', '0', ' '),
  )
  .map(([it, at, put]) => it.slice(0, at % it.length) + put + it.slice((at % it.length) + 1));

const anyLine = fc.oneof(
  { weight: 4, arbitrary: line },
  { weight: 4, arbitrary: broken },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '  ', '{"commitInfo":{"a":1}}', '{"remove":{"path":"a"}}'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('{"x":1}', '[]', '7', '{"txn":{"appId":"a","version":1}}'),
  },
);

type Outcome = { readonly actions: readonly Action[] } | { readonly error: unknown };

function outcomeOf(work: () => readonly Action[]): Outcome {
  try {
    return { actions: work() };
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    return { error: { code: error.code, message: error.message, details: error.details } };
  }
}

/** What `visitCommit` tells, each line as the file that columns make of it; and how many lines were plain. */
function visited(bytes: Uint8Array): { readonly outcome: Outcome; readonly plain: number } {
  let plain = 0;
  const outcome = outcomeOf(() => {
    const actions: Action[] = [];
    visitCommit(bytes, '7.json', {
      line: (it, buffer, view) => {
        const blocks = new FileBlocks();
        if (!blocks.addLine(it, buffer, view)) return false;
        plain += 1;
        for (const add of blocks.select({}, new Set())) actions.push({ kind: 'add', add });
        return true;
      },
      action: (action) => actions.push(action),
    });
    return actions;
  });
  return { outcome, plain };
}

function expectSame(bytes: Uint8Array): void {
  expect(visited(bytes).outcome).toEqual(outcomeOf(() => parseCommit(bytes, '7.json')));
}

describe('visitCommit', () => {
  test('tells what parseCommit tells, and refuses what it refuses in the same words', () => {
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 3 }), fc.constantFrom('', '\n'), (lines, end) => {
        expectSame(Buffer.from(lines.join('\n') + end));
      }),
      { numRuns: 1_500 },
    );
  });

  test('does so where bytes are no Unicode text, or the text begins with a mark', () => {
    fc.assert(
      fc.property(line, fc.nat(), fc.integer({ min: 0x80, max: 0xff }), (it, at, byte) => {
        const bytes = Buffer.from(it);
        bytes[at % bytes.length] = byte;
        expectSame(bytes);
        expectSame(Buffer.from(`\ufeff${it}\n\ufeff${it}`));
      }),
    );
  });

  test('takes the lines apart that Spark and delta-rs write, and any without an escape', () => {
    const plain = [
      '{"add":{"path":"uf=SC/part-0.parquet","partitionValues":{"uf":"SC"},"size":7,"modificationTime":1,"dataChange":true,"stats":"{\\"numRecords\\":1}"}}',
      '{"add":{"path":"a%20b","partitionValues":{},"size":0,"modificationTime":0,"dataChange":false}}',
      '{"add":{"path":"é","partitionValues":{"a":null},"size":7,"modificationTime":1,"dataChange":true,"stats":"é","tags":null,"deletionVector":null,"baseRowId":null,"defaultRowCommitVersion":null,"clusteringProvider":null}}',
    ];
    const bytes = Buffer.from(plain.join('\n'));
    expect(visited(bytes).plain).toBe(plain.length);
    expectSame(bytes);
  });
});
