import { describe, expect, test } from 'vitest';

import {
  type Action,
  type Attempt,
  type Conflict,
  findConflict,
  type Metadata,
  type Protocol,
  type ReadScope,
  Replay,
} from '../../src/log/index.ts';
import { add, FIRST, METADATA, metadataWith, PROTOCOL, remove, txn } from './actions.ts';

const NOTHING: ReadScope = { kind: 'nothing' };
const TABLE: ReadScope = { kind: 'table' };
const ROWS: ReadScope = {
  kind: 'rows',
  paths: new Set(['read%20me']),
  mayHold: (file) => file.path.startsWith('hit'),
  printed: () => 'n < 10',
};

const VECTOR = {
  storageType: 'u',
  pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
  offset: 4,
  sizeInBytes: 40,
  cardinality: 1,
} as const;

/** A table with the file that `ROWS` read, and others, before any of the winners. */
function baseOf(...actions: readonly Action[]): Attempt['base'] {
  const replay = new Replay(null);
  replay.commit([...FIRST, add('read%20me'), add('x'), add('a'), ...actions]);
  return replay.finish(0);
}

function conflictOf(
  attempt: Partial<Attempt>,
  ...winners: readonly (readonly Action[])[]
): Conflict | null {
  return findConflict(
    {
      reads: NOTHING,
      actions: [add('mine')],
      readAppIds: new Set(),
      base: baseOf(),
      ...attempt,
    },
    winners.map((actions, index) => ({ version: index + 1, actions })),
  );
}

function codeOf(
  attempt: Partial<Attempt>,
  ...winners: readonly (readonly Action[])[]
): string | null {
  return conflictOf(attempt, ...winners)?.code ?? null;
}

const change = (metadata: Metadata): Action => ({ kind: 'metaData', metaData: metadata });
const metaData = change({ ...METADATA, schemaString: '{"type":"struct","fields":[]}' });
const protocol: Action = { kind: 'protocol', protocol: PROTOCOL };
const domainOf = (domain: string): Action => ({
  kind: 'domainMetadata',
  domainMetadata: { domain, configuration: '', removed: false },
});
const domain = domainOf('d');
const infoOf = (members: Readonly<Record<string, string | boolean>>): Action => ({
  kind: 'commitInfo',
  commitInfo: members,
});
const blind = infoOf({ operation: 'WRITE', isBlindAppend: true });
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
    ['two domains', { actions: [domain] }, [domainOf('e')], null],
    [
      'the mark of row ids in both',
      { actions: [domainOf('delta.rowTracking')] },
      [domainOf('delta.rowTracking')],
      null,
    ],
    ['two changes of the metadata', { actions: [metaData] }, [metaData], 'CONFLICT_METADATA'],
    ['a table that is made twice', { base: null }, FIRST, 'CONFLICT_PROTOCOL'],
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
    [
      'a file read, rows of it deleted',
      { reads: ROWS },
      [add('read%20me', { deletionVector: VECTOR, dataChange: false })],
      'CONFLICT_DELETE_READ',
    ],
    [
      'a file read, described anew as it was',
      { reads: ROWS },
      [add('read%20me', { stats: '{}', dataChange: false })],
      null,
    ],
    [
      'a file removed, rows of it deleted',
      { actions: [remove('a')] },
      [remove('a'), add('a', { deletionVector: VECTOR })],
      'CONFLICT_DELETE_DELETE',
    ],
    [
      'a file removed, rows of it deleted without a removal',
      { actions: [remove('a')] },
      [add('a', { deletionVector: VECTOR })],
      'CONFLICT_DELETE_DELETE',
    ],
    [
      'a file described anew, removed',
      { actions: [add('a', { dataChange: false })] },
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
    expect(codeOf({ reads: TABLE }, [add('b')], [metaData])).toBe('CONFLICT_APPEND');
    expect(codeOf({ reads: TABLE }, [remove('b'), add('b'), metaData])).toBe('CONFLICT_METADATA');
  });

  test('names the version, the operation, the file and the condition', () => {
    const winner = [infoOf({ operation: 'MERGE' }), add('hit')];
    expect(conflictOf({ reads: ROWS }, [add('miss')], winner)).toEqual({
      code: 'CONFLICT_APPEND',
      reason: 'version 2 (MERGE) added hit, which may hold rows with n < 10 that were to be read',
      version: 2,
      operation: 'MERGE',
      subject: 'hit',
    });
  });

  test('cuts a condition that is too long for people', () => {
    const reads: ReadScope = { ...ROWS, printed: () => 'k'.repeat(10_000) };
    expect(conflictOf({ reads }, [add('hit')])?.reason.length).toBeLessThan(400);
  });
});

describe('isolation', () => {
  const writes = { reads: TABLE, isolation: 'WriteSerializable' } as const;
  test.each<[string, Partial<Attempt>, readonly Action[], string | null]>([
    ['WriteSerializable, blind append', writes, [blind, add('b')], null],
    ['WriteSerializable, append that read', writes, [add('b')], 'CONFLICT_APPEND'],
    [
      'WriteSerializable, append that read and said so',
      writes,
      [infoOf({ isBlindAppend: false }), add('b')],
      'CONFLICT_APPEND',
    ],
    [
      'WriteSerializable and a change of metadata, blind append',
      { ...writes, actions: [metaData] },
      [blind, add('b')],
      'CONFLICT_APPEND',
    ],
    ['WriteSerializable, delete', writes, [blind, remove('a')], 'CONFLICT_DELETE_READ'],
    ['Serializable, blind append', { reads: TABLE }, [blind, add('b')], 'CONFLICT_APPEND'],
    [
      'SnapshotIsolation, append',
      { reads: TABLE, isolation: 'SnapshotIsolation' },
      [add('b')],
      null,
    ],
  ])('%s', (_case, attempt, winner, code) => {
    expect(codeOf(attempt, winner)).toBe(code);
  });
});

describe('a change of the description', () => {
  const features = (...names: readonly string[]): Protocol => ({
    minReaderVersion: 1,
    minWriterVersion: 7,
    writerFeatures: names,
  });
  const upgraded = (from: Protocol, to: Protocol): string | null =>
    codeOf({ base: baseOf({ kind: 'protocol', protocol: from }) }, [
      { kind: 'protocol', protocol: to },
    ]);

  test.each<[string, Protocol, Protocol, string | null]>([
    ['a feature that asks for nothing yet', features(), features('rowTracking'), null],
    ['from versions to features', PROTOCOL, features('appendOnly', 'invariants'), null],
    ['a later version', PROTOCOL, { minReaderVersion: 1, minWriterVersion: 4 }, null],
    ['a feature that asks more', features(), features('icebergCompatV2'), 'CONFLICT_PROTOCOL'],
    ['a feature that nobody knows', features(), features('new'), 'CONFLICT_PROTOCOL'],
    ['a feature dropped', features('a', 'b'), features('a'), 'CONFLICT_PROTOCOL'],
    ['an earlier version', features(), PROTOCOL, 'CONFLICT_PROTOCOL'],
  ])('of the protocol: %s', (_case, from, to, code) => {
    expect(upgraded(from, to)).toBe(code);
  });

  test.each<[string, Metadata, string | null]>([
    ['nothing', METADATA, null],
    ['a comment on the table', { ...METADATA, description: 'new' }, null],
    ['how long the log is kept', metadataWith({ 'delta.logRetentionDuration': '1 day' }), null],
    ['a property of somebody', metadataWith({ owner: 'me' }), null],
    ['row tracking on', metadataWith({ 'delta.enableRowTracking': 'true' }), null],
    ['timestamps on', metadataWith({ 'delta.enableInCommitTimestamps': 'true' }), null],
    ['row tracking off', metadataWith({ 'delta.enableRowTracking': 'false' }), 'CONFLICT_METADATA'],
    ['change data', metadataWith({ 'delta.enableChangeDataFeed': 'true' }), 'CONFLICT_METADATA'],
    ['a constraint', metadataWith({ 'delta.constraints.c': 'id > 0' }), 'CONFLICT_METADATA'],
    ['a default', metadataWith({}, { CURRENT_DEFAULT: '1' }), 'CONFLICT_METADATA'],
    [
      'how far an identity has counted',
      metadataWith({}, { 'delta.identity.highWaterMark': '7' }),
      null,
    ],
    ['another table', { ...METADATA, id: 'other' }, 'CONFLICT_METADATA'],
    ['the partitioning', { ...METADATA, partitionColumns: ['id'] }, 'CONFLICT_METADATA'],
    ['the format', { ...METADATA, format: { provider: 'orc', options: {} } }, 'CONFLICT_METADATA'],
  ])('of the metadata: %s', (_case, metadata, code) => {
    expect(codeOf({}, [change(metadata)])).toBe(code);
  });

  test('that turns on row tracking is one for who moves rows, and for nobody else', () => {
    const base = baseOf(add('a'));
    const on = change(metadataWith({ 'delta.enableRowTracking': 'true' }));
    const moving = { base, actions: [remove('a'), add('b')] };
    expect(codeOf(moving, [on])).toBe('CONFLICT_METADATA');
    expect(codeOf({ base, actions: [remove('a')] }, [on])).toBeNull();
    expect(codeOf({ base, actions: [add('b')] }, [on])).toBeNull();
    expect(codeOf({ ...moving, base: baseOf(add('a'), on) }, [on])).toBeNull();
  });

  test('is held against what the winner before left', () => {
    const on = metadataWith({ 'delta.constraints.c': 'id > 0' });
    expect(conflictOf({}, [change(METADATA)], [change(on)])?.version).toBe(2);
    expect(codeOf({ base: baseOf(change(on)) }, [change(on)])).toBeNull();
    const tracking = metadataWith({ 'delta.enableRowTracking': 'true' });
    expect(conflictOf({}, [change(tracking)], [change(METADATA)])?.version).toBe(2);
  });
});
