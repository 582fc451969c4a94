import { describe, expect, test } from 'vitest';

import { isDeltaError } from '../../src/base/index.ts';
import { type Action, parseCommit, parseCommitInfo, printCommit } from '../../src/log/index.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const parse = (text: string): Action[] => parseCommit(bytesOf(text), '0.json');

function codeOf(work: () => unknown): { code: string; message: string } {
  try {
    work();
  } catch (error) {
    if (isDeltaError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was thrown');
}

const ADD =
  '{"add":{"path":"a.parquet","partitionValues":{"p":null},"size":7,"modificationTime":5,"dataChange":true}}';

describe('parseCommit', () => {
  test('reads one action a line, past blank lines and carriage returns', () => {
    const actions = parse(`${ADD}\r\n\n{"txn":{"appId":"x","version":3}}`);
    expect(actions.map((action) => action.kind)).toEqual(['add', 'txn']);
    expect(actions[0]).toMatchObject({ add: { path: 'a.parquet', partitionValues: { p: null } } });
  });

  test.each(['', '\n', ' \r\n'])(
    'refuses a commit without a line (%j), which was never finished',
    (text) => {
      const { code, message } = codeOf(() => parse(text));
      expect(code).toBe('LOG_CORRUPT');
      expect(message).toMatch(/^the log file 0\.json cannot be read: it is empty/);
      expect(parse('{"commitInfo":{}}\n')).toEqual([{ kind: 'commitInfo', commitInfo: {} }]);
    },
  );

  test('keeps every digit of long numbers', () => {
    const [action] = parse(
      '{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,"baseRowId":9007199254740993}}',
    );
    expect(action).toMatchObject({ add: { baseRowId: 9_007_199_254_740_993n } });
    expect(textOf(printCommit(action === undefined ? [] : [action]))).toContain('9007199254740993');
  });

  test('takes any int64 for a version of an application or a time, and rounds times', () => {
    const far = '9223372036854775807';
    const lines = [
      `{"txn":{"appId":"a","version":${far},"lastUpdated":1700000000123456789}}`,
      `{"remove":{"path":"b","dataChange":true,"deletionTimestamp":${far}}}`,
      `{"add":{"path":"c","partitionValues":{},"size":1,"modificationTime":-${far},"dataChange":true}}`,
    ];
    const actions = parse(lines.join('\n'));
    const latest = 9_223_372_036_854_774_784;
    expect(actions).toMatchObject([
      { txn: { version: BigInt(far), lastUpdated: 1_700_000_000_123_456_800 } },
      { remove: { deletionTimestamp: latest } },
      { add: { modificationTime: -latest } },
    ]);
    // Rounded once, and within int64 for whoever reads it next.
    expect(parse(textOf(printCommit(actions)))).toEqual(actions);
  });

  test('passes over text behind a line’s object, also where strings hold braces', () => {
    const [action] = parse('{"txn":{"appId":"}\\"{","version":3}}{"person": junk');
    expect(action).toEqual({ kind: 'txn', txn: { appId: '}"{', version: 3 } });
  });

  test('takes null members for absent ones and fills in what old writers leave out', () => {
    const [add, remove] = parse(
      '{"add":{"path":"a","size":1,"modificationTime":1,"stats":null,"deletionVector":{"storageType":"u","pathOrInlineDv":"x","offset":null,"sizeInBytes":1,"cardinality":1}}}\n' +
        '{"remove":{"path":"b"}}',
    );
    expect(add).toEqual({
      kind: 'add',
      add: {
        path: 'a',
        partitionValues: {},
        size: 1,
        modificationTime: 1,
        dataChange: true,
        deletionVector: {
          storageType: 'u',
          pathOrInlineDv: 'x',
          sizeInBytes: 1,
          cardinality: 1,
        },
      },
    });
    expect(remove).toEqual({ kind: 'remove', remove: { path: 'b', dataChange: true } });
  });

  test.each(['__proto__', 'constructor', 'toString'])('takes %s for an unknown action', (name) => {
    const line = `{"${name}":{"x":1}}`;
    const [action] = parseCommit(new TextEncoder().encode(line), 'commit');
    expect(action?.kind).toBe('unknown');
  });

  test('keeps unknown actions and unknown members through a round trip', () => {
    const text = `{"future":{"x":1}}\n${ADD.replace('"size"', '"novel":[1],"size"')}\n`;
    const actions = parse(text);
    expect(actions[0]).toEqual({ kind: 'unknown', line: { future: { x: 1 } } });
    expect(textOf(printCommit(actions))).toBe(text);
  });

  test.each([
    ['a torn line', `${ADD}\n${ADD.slice(0, 40)}`, 'line 2'],
    ['a line that is no object', '[1]', 'line 1'],
    ['a missing member', '{"add":{"path":"a"}}', 'size is missing'],
    [
      'a size beyond safe integers',
      ADD.replace('"size":7', '"size":9007199254740993'),
      'size is missing',
    ],
    ['an action that is no object', '{"add":3}', 'add is no object'],
  ])('refuses %s and names the place', (_case, text, place) => {
    const { code, message } = codeOf(() => parse(text));
    expect(code).toBe('LOG_CORRUPT');
    expect(message).toContain('0.json');
    expect(message).toContain(place);
  });
});

describe('parseCommitInfo', () => {
  test('finds it on any line, and null where there is none', () => {
    const bytes = bytesOf(`${ADD}\n{"commitInfo":{"operation":"WRITE"}}`);
    expect(parseCommitInfo(bytes, '0.json')).toEqual({ operation: 'WRITE' });
    expect(parseCommitInfo(bytesOf(ADD), '0.json')).toBeNull();
  });
});
