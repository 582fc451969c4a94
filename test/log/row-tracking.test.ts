import { describe, expect, test } from 'vitest';

import {
  type Action,
  assignsRowIds,
  checkKeepsRowIds,
  checkRowIdColumns,
  checkRowIdsComplete,
  type LogState,
  type Metadata,
  movesRows,
  Replay,
  ROW_TRACKING_DOMAIN,
  rowIdColumnNames,
  rowIdHighWaterMark,
  withRowIdColumns,
  withRowIds,
} from '../../src/log/index.ts';
import { add, FIRST, METADATA, metadataWith, PROTOCOL, remove } from './actions.ts';

const counted = (path: string, rowCount: number): Action =>
  add(path, { stats: `{"numRecords":${rowCount}}` });

const markAt = (mark: string): Action => ({
  kind: 'domainMetadata',
  domainMetadata: {
    domain: ROW_TRACKING_DOMAIN,
    configuration: `{"rowIdHighWaterMark":${mark}}`,
    removed: false,
  },
});

function stateOf(...actions: readonly Action[]): LogState {
  const replay = new Replay(null);
  replay.commit([...FIRST, ...actions]);
  return replay.finish(4);
}

function withColumn(name: string, properties: Readonly<Record<string, string>>): Metadata {
  const field = { name, type: 'long', nullable: true, metadata: {} };
  const schemaString = JSON.stringify({ type: 'struct', fields: [field] });
  return { ...metadataWith(properties), schemaString };
}

function idsOf(actions: readonly Action[]): unknown {
  return actions.map((action) => {
    switch (action.kind) {
      case 'add':
        return [action.add.path, action.add.baseRowId, action.add.defaultRowCommitVersion];
      case 'remove':
        return [`-${action.remove.path}`, action.remove.baseRowId];
      case 'domainMetadata':
        return action.domainMetadata.configuration;
      default:
        return action.kind;
    }
  });
}

describe('withRowIds', () => {
  test('numbers the rows of a new table from 0', () => {
    const actions = withRowIds([...FIRST, counted('a', 3), counted('b', 2)], {
      base: null,
      version: 0,
    });
    expect(idsOf(actions)).toEqual([
      '{"rowIdHighWaterMark":4}',
      'protocol',
      'metaData',
      ['a', 0, 0],
      ['b', 3, 0],
    ]);
  });

  test('goes on behind the mark of the table before it', () => {
    const actions = withRowIds([counted('c', 10)], { base: stateOf(markAt('4')), version: 5 });
    expect(idsOf(actions)).toEqual(['{"rowIdHighWaterMark":14}', ['c', 5, 5]]);
  });

  test('does not lose a digit of large ids', () => {
    const base = stateOf(markAt('9007199254740993'));
    expect(rowIdHighWaterMark(base)).toBe(9007199254740993n);
    expect(idsOf(withRowIds([counted('c', 1)], { base, version: 5 }))).toEqual([
      '{"rowIdHighWaterMark":9007199254740994}',
      ['c', 9007199254740994n, 5],
    ]);
  });

  test('leaves a file its ids when it is described anew, and tells them when it goes', () => {
    const file = { stats: '{"numRecords":3}', baseRowId: 7, defaultRowCommitVersion: 2 };
    const base = stateOf(markAt('9'), add('a', file));
    const actions = withRowIds([remove('a'), counted('a', 3)], { base, version: 5 });
    expect(idsOf(actions)).toEqual([
      ['-a', 7],
      ['a', 7, 2],
    ]);
  });

  test('takes ids that come with a file, and never lets the mark fall behind them', () => {
    const base = stateOf(markAt('4'));
    const own = add('a', { stats: '{"numRecords":3}', baseRowId: 20, defaultRowCommitVersion: 1 });
    expect(idsOf(withRowIds([own, counted('b', 1)], { base, version: 5 }))).toEqual([
      '{"rowIdHighWaterMark":23}',
      ['a', 20, 1],
      ['b', 23, 5],
    ]);
  });

  test('replaces a mark that was made for another table', () => {
    const base = stateOf(markAt('9'));
    expect(idsOf(withRowIds([markAt('5'), counted('a', 1)], { base, version: 5 }))).toEqual([
      '{"rowIdHighWaterMark":10}',
      ['a', 10, 5],
    ]);
  });

  test.each([undefined, '{}', 'torn', '{"numRecords":-1}', '{"numRecords":"3"}'])(
    'refuses a file of which nobody counted the rows: %s',
    (stats) => {
      const action = add('a', stats === undefined ? {} : { stats });
      expect(() => withRowIds([action], { base: null, version: 0 })).toThrow(
        expect.objectContaining({ code: 'ROW_IDS_NEED_STATISTICS', details: { path: 'a' } }),
      );
    },
  );
});

test('row ids are given where the feature is supported and not suspended', () => {
  const supported = { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['rowTracking'] };
  expect(assignsRowIds(supported, METADATA)).toBe(true);
  expect(assignsRowIds(supported, metadataWith({ 'delta.rowTrackingSuspended': 'true' }))).toBe(
    false,
  );
  expect(assignsRowIds(PROTOCOL, METADATA)).toBe(false);
});

test('the columns of moved ids are named once, and only where ids are kept', () => {
  const enabled = metadataWith({ 'delta.enableRowTracking': 'true' });
  const named = withRowIdColumns(enabled, 'x');
  expect(named.configuration).toMatchObject({
    'delta.rowTracking.materializedRowIdColumnName': '_row-id-col-x',
    'delta.rowTracking.materializedRowCommitVersionColumnName': '_row-commit-version-col-x',
  });
  expect(withRowIdColumns(named, 'y')).toEqual(named);
  expect(withRowIdColumns(METADATA, 'x')).toBe(METADATA);
});

test('a column of the table may not have the name of one that holds row ids', () => {
  const columns = {
    'delta.rowTracking.materializedRowIdColumnName': '_id',
    'delta.rowTracking.materializedRowCommitVersionColumnName': 'N',
  };
  expect(rowIdColumnNames(metadataWith(columns))).toEqual({ id: '_id', commitVersion: 'N' });
  expect(rowIdColumnNames(METADATA)).toBeNull();
  expect(() => checkRowIdColumns(withColumn('n', columns))).toThrow(
    expect.objectContaining({ code: 'ROW_ID_COLUMN_TAKEN', details: { column: 'n' } }),
  );
  checkRowIdColumns(withColumn('m', columns));
  checkRowIdColumns(withColumn('n', {}));
});

test('ids are kept only from when every file has some', () => {
  const base = stateOf(counted('a', 1), add('b', { baseRowId: 0 }));
  const enabled = metadataWith({ 'delta.enableRowTracking': 'true' });
  expect(() => checkRowIdsComplete(base, enabled, [])).toThrow(
    expect.objectContaining({ code: 'ROW_TRACKING_INCOMPLETE', details: { path: 'a' } }),
  );
  checkRowIdsComplete(base, enabled, [counted('a', 1)]);
  checkRowIdsComplete(base, enabled, [remove('a')]);
  checkRowIdsComplete(base, METADATA, []);
});

test('what moves rows is refused by name where their ids are to stay', () => {
  const metadata = metadataWith({ 'delta.enableRowTracking': 'true' });
  expect(() => checkKeepsRowIds({ protocol: PROTOCOL, metadata }, 'MERGE')).toThrow(
    expect.objectContaining({
      code: 'FEATURE_UNSUPPORTED',
      message: expect.stringContaining('rowTracking by MERGE') as string,
    }),
  );
  checkKeepsRowIds({ protocol: PROTOCOL, metadata: METADATA }, 'MERGE');
  const base = stateOf(add('a'));
  expect(movesRows([remove('a'), add('b')], base)).toBe(true);
  expect(movesRows([remove('a'), add('a')], base)).toBe(false);
  expect(movesRows([remove('a')], base)).toBe(false);
  expect(movesRows([add('b')], base)).toBe(false);
});
