/** A fingerprint of a table's rows: how a user proves that two engines see the same table. */

import { createHash } from 'node:crypto';

import { assert } from '../../base/index.ts';
import { canonicalLineSql, type Session } from '../../engine/index.ts';
import type { StructType } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { liveFiles } from './files.ts';
import { relations } from './scan-files.ts';
import { withVariantsAs } from './variant-types.ts';

export interface Checksum {
  readonly rowCount: number;
  /** Hex, lower case: over the canonical lines, sorted by their bytes, each followed by a line feed. */
  readonly sha256: string;
}

/**
 * The rows of a snapshot and the SHA-256 of their canonical form, `deltacanon-1`: the same for equal rows in any order
 * and any layout of files. Memory is bounded: lines are sorted on disk where they do not fit.
 * Errors: as for `scan`.
 */
export async function checksum(
  ctx: TableContext,
  snapshot: Snapshot,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Checksum> {
  const engine = await ctx.engine();
  const session = await engine.openSession();
  try {
    const { schema } = snapshot;
    const files = liveFiles(snapshot, { where: null, statistics: null });
    const selects = relations(ctx, snapshot, files, { schema, variants: 'binary', ...options });
    return await checksumOf(session, selects, schema, options);
  } finally {
    await session.close();
  }
}

/** The fingerprint of the rows of SELECTs that have the columns of `schema`, variants in their binary form. */
export async function checksumOf(
  session: Session,
  selects: AsyncIterable<string>,
  schema: StructType,
  options: { readonly signal?: AbortSignal },
): Promise<Checksum> {
  const line = canonicalLineSql(withVariantsAs(schema, 'binary'));
  await session.run('CREATE OR REPLACE TABLE lines (line VARCHAR)', options);
  for await (const select of selects) {
    await session.run(`INSERT INTO lines SELECT ${line} FROM (${select}) AS "files"`, options);
  }
  return hashSorted(session, options);
}

async function hashSorted(
  session: Session,
  options: { readonly signal?: AbortSignal },
): Promise<Checksum> {
  const hash = createHash('sha256');
  let rowCount = 0;
  for await (const chunk of session.stream('SELECT line FROM lines ORDER BY line', options)) {
    let text = '';
    for (const line of chunk.columns[0] ?? []) {
      assert(typeof line === 'string', 'a canonical line is no text');
      text += `${line}\n`;
    }
    hash.update(text, 'utf8');
    rowCount += chunk.rowCount;
  }
  return { rowCount, sha256: hash.digest('hex') };
}
