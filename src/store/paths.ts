/** Paths inside a store: what they may look like, how they join, and the order in which stores list them. */

import { badPath } from './errors.ts';
import type { StorePath } from './types.ts';

/** Names that begin so are the local store's own (unfinished writes, locks): never listed, refused as paths. */
export const RESERVED_PREFIX = '.deltawright-';

/** Refuses (`STORE_BAD_PATH`) what is not the path of an object, the same on every store. */
export function checkPath(path: StorePath): void {
  if (path === '') throw badPath(path, 'it is empty');
  checkParts(path);
}

/** As `checkPath`, for a folder: `''` is the root. */
export function checkPrefix(prefix: StorePath): void {
  if (prefix !== '') checkParts(prefix);
}

/** `path` seen from above the folder `prefix`. */
export function joinPath(prefix: StorePath, path: StorePath): StorePath {
  if (prefix === '') return path;
  return path === '' ? prefix : `${prefix}/${path}`;
}

/**
 * Order of the UTF-8 bytes of two strings, as S3 lists its keys. JavaScript's own order differs above U+FFFF, whose
 * UTF-16 surrogates stand below U+E000.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rankOfUnit(left) - rankOfUnit(right);
  }
  return a.length - b.length;
}

function rankOfUnit(unit: number): number {
  const isSurrogate = unit >= 0xd800 && unit <= 0xdfff;
  return isSurrogate ? unit + 0x1_0000 : unit;
}

function checkParts(path: string): void {
  if (!path.isWellFormed()) throw badPath(path, 'it is not valid Unicode');
  if (path.includes('\0')) throw badPath(path, 'it holds a zero byte');
  for (const part of path.split('/')) {
    if (part === '') throw badPath(path, 'it has an empty part');
    if (part === '.' || part === '..') throw badPath(path, `it has the part "${part}"`);
    if (part.startsWith(RESERVED_PREFIX)) {
      throw badPath(path, `names that begin with "${RESERVED_PREFIX}" are the store's own`);
    }
  }
}
