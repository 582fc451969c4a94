/** Where a file that the log names is. PROTOCOL.md, "Add File and Remove File". */

import { pathToFileURL } from 'node:url';

import { pathKey } from '../log/index.ts';
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

/**
 * The key below the table at `encoded`, as `encodedRoot` gives it, of a path as a log spells it; null where it is elsewhere. A
 * relative path is below the table whose log names it, and no other.
 */
export function keyBelow(
  encoded: string,
  path: string,
  { isOwn }: { isOwn: boolean },
): string | null {
  const key = pathKey(path);
  if (key.startsWith('/') || ABSOLUTE.test(path)) {
    const [root, place] = [splitRoot(pathKey(encoded)), splitRoot(key)];
    // A path without a scheme starts at the root of what the table lies in.
    if (place.root !== root.root && place.root !== '') return null;
    const [folder, file] = [withoutDots(root.path), withoutDots(place.path)];
    if (folder === '') return file;
    return file.startsWith(`${folder}/`) ? file.slice(folder.length + 1) : null;
  }
  return isOwn ? withoutDots(key) : null;
}

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:/i;

/** `s3://bucket/a/b` as `s3://bucket` and `/a/b`. */
function splitRoot(key: string): { readonly root: string; readonly path: string } {
  const root = /^[a-z][a-z0-9+.-]*:\/\/[^/]*/i.exec(key)?.[0] ?? '';
  return { root, path: key.slice(root.length).replace(/^\/+/, '') };
}

/** Where a table is, as absolute paths in a log begin: encoded, unlike the URIs of stores that are not folders of the disk. */
export function encodedRoot(store: ObjectStore): string {
  if (store.localFile('x') !== null) return store.uri;
  return encodeURI(store.uri).replaceAll('?', '%3F').replaceAll('#', '%23');
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
