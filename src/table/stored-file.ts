/** Where a file that the log names is. PROTOCOL.md, "Add File and Remove File". */

import { decodePath } from '../schema/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { TableContext } from './types.ts';

/** The store and the key of a path as the log spells it: relative to the table, or an absolute URI. */
export async function fileAt(
  ctx: TableContext,
  path: string,
): Promise<{ readonly store: ObjectStore; readonly path: string }> {
  // A `file:` URI is resolved as it is spelled; those of stores have names that may hold any character.
  if (/^file:/i.test(path)) return ctx.resolve(path);
  const key = decodePath(path);
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return ctx.resolve(key);
  return { store: ctx.store, path: key };
}
