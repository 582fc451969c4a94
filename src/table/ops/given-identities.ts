/** Values of an identity column that rows brought themselves. PROTOCOL.md, "Identity Columns". */

import { identifier } from '../../engine/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import type { Identity } from './column-fills.ts';
import { liveFiles } from './files.ts';
import { relations } from './scan-files.ts';

/** How many of the column's next values rows of the table have already, or have passed. Errors: as for `scan`. */
export async function countGiven(
  ctx: TableContext,
  table: Snapshot,
  { field, next, step }: Identity,
): Promise<bigint> {
  const furthest = step < 0n ? 'min' : 'max';
  const files = liveFiles(table, { where: null, statistics: null });
  const schema = { ...table.schema, fields: [field] };
  const session = await (await ctx.engine()).openSession();
  let count = 0n;
  try {
    for await (const rows of relations(ctx, table, files, { schema })) {
      const select = `SELECT ${furthest}(${identifier(field.name)}) AS value FROM (${rows})`;
      const [found] = await session.query(select);
      const value = found?.['value'];
      if (typeof value !== 'bigint') continue;
      const passed = (value - next) / step + 1n;
      const isPassed = step < 0n ? value <= next : value >= next;
      if (isPassed && passed > count) count = passed;
    }
    return count;
  } finally {
    await session.close();
  }
}
