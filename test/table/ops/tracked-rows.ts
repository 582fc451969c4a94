/** Rows of tables that keep row ids, and what the ids are. */

import { assert } from '../../../src/base/index.ts';
import type { Row } from '../../../src/schema/index.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import type { Bench } from './write-table.ts';

export const DDL = 'id bigint, p integer, n integer';
export const TRACKED = { 'delta.enableRowTracking': 'true' };

/** Row id and commit version of each row, by the value of `id`. */
export type Ids = ReadonlyMap<number, readonly [rowId: bigint, version: number]>;

export async function idsOf({ ctx }: Bench, snapshot: Snapshot): Promise<Ids> {
  const found = new Map<number, readonly [bigint, number]>();
  for await (const row of scanRows(ctx, snapshot, { columns: ['id'], rowTracking: true })) {
    const rowId = row['_metadata.row_id'];
    assert(!found.has(Number(row['id'])), 'a row is there twice');
    found.set(Number(row['id']), [
      typeof rowId === 'bigint' ? rowId : -1n,
      Number(row['_metadata.row_commit_version']),
    ]);
  }
  return found;
}

export function rowsFrom(first: number, count: number): readonly Row[] {
  return Array.from({ length: count }, (_, index) => ({
    id: BigInt(first + index),
    p: (first + index) % 2,
    n: 0,
  }));
}
