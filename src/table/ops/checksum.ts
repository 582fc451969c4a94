/** A fingerprint of a table's rows: how a user proves that two engines see the same table. */

import { createHash } from 'node:crypto';

import { assert } from '../../base/index.ts';
import { canonicalLineSql, type Session } from '../../engine/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { liveFiles } from './files.ts';
import { relations } from './scan-files.ts';

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
    await collectLines(ctx, snapshot, session, options);
    return await hashSorted(session, options);
  } finally {
    await session.close();
  }
}

async function collectLines(
  ctx: TableContext,
  snapshot: Snapshot,
  session: Session,
  options: { readonly signal?: AbortSignal },
): Promise<void> {
  const { schema } = snapshot;
  const files = liveFiles(snapshot, { where: null, statistics: null });
  await session.run('CREATE OR REPLACE TABLE lines (line VARCHAR)', options);
  for await (const relation of relations(ctx, snapshot, files, { schema, ...options })) {
    const line = canonicalLineSql(schema);
    await session.run(`INSERT INTO lines SELECT ${line} FROM (${relation}) AS "files"`, options);
  }
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
