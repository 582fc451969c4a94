/** Where a file that the log names is. PROTOCOL.md, "Add File and Remove File". */

import { pathToFileURL } from 'node:url';

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
  if (key.startsWith('/')) return ctx.resolve(rooted(ctx.store.uri, key));
  return { store: ctx.store, path: withoutDots(key) };
}

/** A path that starts at the root of what the table lies in. */
function rooted(tableUri: string, key: string): string {
  if (tableUri.startsWith('file:')) return pathToFileURL(key).href;
  const [bucket = ''] = /^[^:]*:\/\/[^/]*/.exec(tableUri) ?? [];
  return `${bucket}${key}`;
}

/** RFC 3986, 5.2.4, as far as the path stays within the table; an empty part is as none, as writers' file systems take it. */
function withoutDots(key: string): string {
  if (!/(?:^|\/)(?:\.{0,2})(?:\/|$)/.test(key)) return key;
  const parts: string[] = [];
  for (const part of key.split('/')) {
    if (part === '..' && parts.length > 0) parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}
