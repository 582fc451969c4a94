/**
 * Paths as Spark writes them into a file source's log: Hadoop's URI text, in which only what Java's `URI` refuses is
 * escaped (a space is `%20`; `+`, `=` and accents stand as they are).
 */

import type { StorePath } from '../store/index.ts';

// What java.net.URI admits in a path (RFC 2396); everything beyond ASCII stays as it is too.
const ESCAPED = /[^A-Za-z0-9_\-!.~'()*,;:$&+=@/\u00a1-\uffff]/g;

/** The URI of an object: `base` is a store's `uri`. */
export function toPathUri(base: string, path: StorePath): string {
  return `${plain(base)}/${path}`.replace(ESCAPED, escapeAscii);
}

/**
 * The path below `base` that a URI of the log names, or null where it lies elsewhere. `s3a://` and `s3n://` are `s3://`,
 * and `file:/x` is `file:///x`: Spark's spellings of the same place.
 */
export function fromPathUri(base: string, uri: string): StorePath | null {
  const root = `${plain(base)}/`;
  const target = decode(canonical(uri));
  return target.startsWith(root) ? target.slice(root.length) : null;
}

// Only the URIs of local stores are escaped, and by other rules than Hadoop's.
function plain(base: string): string {
  return base.startsWith('file:') ? decode(base) : base;
}

function canonical(uri: string): string {
  return uri.replace(/^s3[an]:\/\//, 's3://').replace(/^file:\/+/, 'file:///');
}

function escapeAscii(char: string): string {
  return [...Buffer.from(char, 'utf8')]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

// A base may hold a lone `%` where nobody escaped it: that one is taken as it stands.
function decode(uri: string): string {
  return uri.replace(/(?:%[0-9A-Fa-f]{2})+/g, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
}
