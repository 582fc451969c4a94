/** The bytes of Spark's logs: `v1`, then each line with a line feed before it: the body. None ends the file. */

const LINE_FEED = 0x0a;

export const VERSION_BYTES: Uint8Array = Buffer.from('v1', 'latin1');
export const EMPTY: Uint8Array = new Uint8Array(0);

/** The body of a file; line feeds at its end are dropped. Throws what `faults` makes of a file that is not of `v1`. */
export function bodyOf(
  bytes: Uint8Array,
  faults: {
    readonly broken: (reason: string) => Error;
    readonly version: (version: string) => Error;
  },
): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === LINE_FEED) end -= 1;
  const lineEnd = bytes.indexOf(LINE_FEED);
  const head = Buffer.from(bytes.subarray(0, lineEnd === -1 ? end : Math.min(lineEnd, end, 32)));
  const version = head.toString('latin1');
  if (version === 'v1') return bytes.subarray(VERSION_BYTES.length, end);
  if (/^v\d+$/.test(version)) throw faults.version(version);
  throw faults.broken('a file does not start with its version, "v1"');
}

export function printBody(lines: readonly string[]): Uint8Array {
  return Buffer.from(lines.map((line) => `\n${line}`).join(''), 'utf8');
}

/** The lines of a body, in order; empty ones are left out. */
export function* linesOf(body: Uint8Array): Generator<string> {
  const buffer = bufferOf(body);
  let start = 1;
  while (start < buffer.length) {
    const found = buffer.indexOf(LINE_FEED, start);
    const end = found === -1 ? buffer.length : found;
    if (end > start) yield buffer.toString('utf8', start, end);
    start = end + 1;
  }
}

/** The lines of a body from its end; empty ones are left out. */
export function* linesFromEnd(body: Uint8Array): Generator<string> {
  const buffer = bufferOf(body);
  let end = buffer.length;
  while (end > 0) {
    const start = buffer.lastIndexOf(LINE_FEED, end - 1);
    if (end > start + 1) yield buffer.toString('utf8', start + 1, end);
    end = start;
  }
}

export function lastLineOf(body: Uint8Array): string {
  for (const line of linesFromEnd(body)) return line;
  return '';
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
