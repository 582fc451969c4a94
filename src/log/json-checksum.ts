/**
 * The checksum of a JSON object: the MD5 of its canonical form. PROTOCOL.md, "JSON checksum".
 *
 *     {"a": 10, "b": {"y": null, "x": ["hi ho"]}}   →   "a"=10,"b"+"x"+0="hi%20ho","b"+"y"=null
 */

import { createHash } from 'node:crypto';

import { JsonSource } from '../base/index.ts';

/**
 * The checksums, in hexadecimal, that the text may carry, of a text that `JSON.parse` takes: the protocol's, and that
 * of Spark, which sorts the items of long lists otherwise. The member `checksum` at the top is left out.
 */
export function jsonChecksums(text: string): readonly string[] {
  const leaves: Leaf[] = [];
  collect(new JsonSource(text), [], leaves);
  const counted = leaves.filter(({ path }) => path !== '"checksum"');
  const printed = (sorted: readonly Leaf[]): string => sorted.map(print).join(',');
  const byPath = printed(counted.toSorted((a, b) => compare(a.path, b.path)));
  const byLine = printed(counted.toSorted((a, b) => compare(print(a), print(b))));
  return byPath === byLine ? [md5(byPath)] : [md5(byPath), md5(byLine)];
}

interface Leaf {
  readonly path: string;
  readonly value: string;
}

function collect(source: JsonSource, path: readonly string[], leaves: Leaf[]): void {
  const { text } = source;
  if (text.startsWith('{')) {
    for (const [name, member] of source.members()) {
      collect(member, [...path, encoded(name)], leaves);
    }
  } else if (text.startsWith('[')) {
    source.items().forEach((item, index) => collect(item, [...path, String(index)], leaves));
  } else {
    const value = text.startsWith('"') ? encoded(String(JSON.parse(text))) : text;
    leaves.push({ path: path.join('+'), value });
  }
}

/** In quotes, all octets but the unreserved ones as `%XX`: ASCII, so that text order is byte order. */
function encoded(text: string): string {
  let result = '';
  for (const octet of Buffer.from(text, 'utf8')) {
    const char = String.fromCharCode(octet);
    result += /[A-Za-z0-9\-._~]/.test(char)
      ? char
      : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return `"${result}"`;
}

function print({ path, value }: Leaf): string {
  return `${path}=${value}`;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
