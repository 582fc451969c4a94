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

/** How the root of a store may stand in logs, its own spelling first: one of `fromPathUri`'s for the same place each. */
export function pathUriSpellings(base: string): readonly string[] {
  const uri = plain(base).replace(ESCAPED, escapeAscii);
  if (uri.startsWith('s3://')) return [uri, `s3a${uri.slice(2)}`, `s3n${uri.slice(2)}`];
  if (uri.startsWith('file:///')) return [uri, `file:${uri.slice('file://'.length)}`];
  return [uri];
}

/** The URI of an object, spelled as `sample` is: Spark tells files by their text. */
export function toPathUriLike(sample: string, base: string, path: StorePath): string {
  const [own = '', ...others] = pathUriSpellings(base);
  const uri = toPathUri(base, path);
  const other = others.find((spelling) => sample.startsWith(`${spelling}/`));
  return other === undefined ? uri : `${other}${uri.slice(own.length)}`;
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
