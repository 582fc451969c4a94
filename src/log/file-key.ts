/**
 * What makes two file actions speak of the same file. PROTOCOL.md, "Action Reconciliation": the pair of path and
 * deletion vector. Writers spell one path in several ways, so spellings are brought together first.
 */

import type { DeletionVectorDescriptor } from './actions.ts';

/** One text for all spellings of a path as it stands in the log: decoded once, without `file:`, `s3a` as `s3`. */
export function pathKey(path: string): string {
  let key = path;
  if (key.includes('%')) {
    try {
      key = decodeURIComponent(key);
    } catch {
      // Not an encoded text: some writers leave a bare % in their paths, and then it means itself.
    }
  }
  if (key.startsWith('file:/')) return key.replace(/^file:\/+/, '/');
  return key.startsWith('s3a://') || key.startsWith('s3n://') ? `s3${key.slice(3)}` : key;
}

/** Whether a path is surely its own key: it is not encoded, and no URI. */
export function isOwnKey(path: string): boolean {
  return !path.includes('%') && !path.includes(':');
}

/** The unique id of a deletion vector, or `''` for none. PROTOCOL.md, "Derived Fields". */
export function vectorId(vector: DeletionVectorDescriptor | undefined): string {
  if (vector === undefined) return '';
  const offset = vector.offset === undefined ? '' : `@${vector.offset}`;
  return `${vector.storageType}${vector.pathOrInlineDv}${offset}`;
}
