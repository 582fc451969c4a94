import { describe, expect, test } from 'vitest';

import { type Action, type Attempt, findConflict, type ReadScope } from '../../src/log/index.ts';
import { add, METADATA, PROTOCOL, remove, txn } from './actions.ts';

const NOTHING: ReadScope = { kind: 'nothing' };
const TABLE: ReadScope = { kind: 'table' };
const ROWS: ReadScope = {
  kind: 'rows',
  paths: new Set(['read%20me']),
  mayHold: (file) => file.path.startsWith('hit'),
};

function codeOf(
  attempt: Partial<Attempt>,
  ...winners: readonly (readonly Action[])[]
): string | null {
  const conflict = findConflict(
    { reads: NOTHING, actions: [add('mine')], readAppIds: new Set(), ...attempt },
    winners.map((actions, index) => ({ version: index + 1, actions })),
  );
  return conflict?.code ?? null;
}

const metaData: Action = { kind: 'metaData', metaData: METADATA };
const protocol: Action = { kind: 'protocol', protocol: PROTOCOL };
const domain: Action = {
  kind: 'domainMetadata',
  domainMetadata: { domain: 'd', configuration: '', removed: false },
};
const compaction: readonly Action[] = [
  add('packed', { dataChange: false }),
  { kind: 'remove', remove: { path: 'x', dataChange: false } },
];

describe('findConflict', () => {
  test.each<[string, Partial<Attempt>, readonly Action[], string | null]>([
    ['blind append, append', {}, [add('a')], null],
    ['blind append, delete', {}, [remove('a')], null],
    ['blind append, compaction', {}, compaction, null],
    ['blind append, change of metadata', {}, [metaData], 'CONFLICT_METADATA'],
    ['blind append, upgrade of the protocol', {}, [protocol], null],
    ['two changes of the protocol', { actions: [protocol] }, [protocol], 'CONFLICT_PROTOCOL'],
    ['one domain in both', { actions: [domain] }, [domain], 'CONFLICT_DOMAIN'],
    [
      'a transaction that was looked up',
      { readAppIds: new Set(['app']) },
      [txn('app', 1)],
      'CONFLICT_TRANSACTION',
    ],
    ['another transaction', { readAppIds: new Set(['app']) }, [txn('other', 1)], null],
    ['whole table read, append', { reads: TABLE }, [add('a')], 'CONFLICT_APPEND'],
    ['whole table read, delete', { reads: TABLE }, [remove('a')], 'CONFLICT_DELETE_READ'],
    ['rows read, append that may hold some', { reads: ROWS }, [add('hit')], 'CONFLICT_APPEND'],
    ['rows read, append that holds none', { reads: ROWS }, [add('miss')], null],
    [
      'rows read, rearrangement of others',
      { reads: ROWS },
      [add('hit', { dataChange: false })],
      null,
    ],
    [
      'a file read and removed, other spelling',
      { reads: ROWS },
      [remove('read me')],
      'CONFLICT_DELETE_READ',
    ],
    [
      'the same file removed twice',
      { actions: [remove('a')] },
      [remove('a')],
      'CONFLICT_DELETE_DELETE',
    ],
    ['compaction, append', { reads: TABLE, actions: compaction }, [add('a')], null],
    [
      'compaction, delete of a file it packed',
      { reads: ROWS, actions: compaction },
      [remove('x')],
      'CONFLICT_DELETE_DELETE',
    ],
  ])('%s', (_case, attempt, winner, code) => {
    expect(codeOf(attempt, winner)).toBe(code);
  });

  test('tells the first winner’s conflict, and of several the one that Spark looks for first', () => {
    expect(codeOf({ reads: TABLE }, [add('a')], [metaData])).toBe('CONFLICT_APPEND');
    expect(codeOf({ reads: TABLE }, [remove('b'), add('a'), metaData])).toBe('CONFLICT_METADATA');
  });

  test('names the version in its reason', () => {
    const attempt: Attempt = { reads: TABLE, actions: [], readAppIds: new Set() };
    expect(findConflict(attempt, [{ version: 7, actions: [add('a')] }])?.reason).toContain(
      'version 7',
    );
  });
});
