/**
 * The files that a source log names, as an exact set over its bytes: a line is only parsed when it is asked for. Half a
 * million lines are some tens of megabytes and a fraction of a second; as objects they were several times of both.
 */

import { assert, isJsonObject, parseJson } from '../base/index.ts';
import type { StorePath } from '../store/index.ts';
import { bufferOf } from './log-body.ts';
import { fromPathUri, pathUriSpellings } from './path-uri.ts';

const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const PERCENT = 0x25;
const BACKSLASH = 0x5c;
const CLOSING_BRACE = 0x7d;
const LINE_START = Buffer.from('\n{"path":"', 'latin1');

/** From `start` to before `end`. */
interface Place {
  readonly start: number;
  readonly end: number;
}

export class RememberedFiles {
  readonly #base: string;
  readonly #broken: (reason: string) => Error;
  /** How lines of files below the root may begin. */
  readonly #prefixes: Buffer[];
  /** The body of the log, with room at its end. */
  #body: Buffer = Buffer.alloc(0);
  #bodyBytes = 0;
  /** Open addressing: the index of an entry + 1, or 0. */
  #slots = new Int32Array(1024);
  #hashes = new Int32Array(512);
  /** Where an entry's path begins: below the root, as it stands in the line. */
  #keyStarts = new Int32Array(512);
  #keyEnds = new Int32Array(512);
  #count = 0;
  /** Files whose path is escaped in the log, or spelled unlike the others. */
  readonly #odd = new Map<StorePath, Place>();
  readonly #rejected = new Set<StorePath>();
  readonly #encoder = new TextEncoder();
  #scratch = Buffer.alloc(4096);

  /** `base` is the URI of the source's root; `broken` makes the error for a line that is none of a source log. */
  constructor(base: string, broken: (reason: string) => Error) {
    this.#base = base;
    this.#broken = broken;
    this.#prefixes = pathUriSpellings(base).map((uri) =>
      Buffer.concat([LINE_START, Buffer.from(`${uri}/`, 'utf8')]),
    );
  }

  /** Whether the log has a line for the file. */
  has(path: StorePath): boolean {
    return this.#slotEntry(path) !== -1 || this.#odd.has(path);
  }

  /** Whether the last line for the file rejects it. */
  isRejected(path: StorePath): boolean {
    return this.#rejected.has(path);
  }

  /** The last line for the file, or null. */
  line(path: StorePath): string | null {
    const odd = this.#odd.get(path);
    const entry = this.#slotEntry(path);
    if (entry === -1) return odd === undefined ? null : this.#text(odd.start, odd.end);
    const place = this.#lineAround(this.#keyStarts[entry] ?? 0);
    const last = odd !== undefined && odd.start > place.start ? odd : place;
    return this.#text(last.start, last.end);
  }

  /** The body so far. */
  get body(): Uint8Array {
    return this.#body.subarray(0, this.#bodyBytes);
  }

  /** Takes note of what follows in the log. */
  add(body: Uint8Array): void {
    let start = this.#bodyBytes;
    if (start === 0) {
      this.#body = bufferOf(body);
    } else {
      this.#reserve(start + body.length);
      this.#body.set(body, start);
    }
    this.#bodyBytes = start + body.length;
    assert(this.#bodyBytes < 2 ** 31, 'a source log is shorter than 2 GiB');
    const mayEscape = isEscaped(bufferOf(body));
    while (start < this.#bodyBytes) start = this.#addLine(start, mayEscape);
  }

  /** Adds the line whose line feed is at `start`; where the next one begins. */
  #addLine(start: number, mayEscape: boolean): number {
    const prefix = this.#prefixes.find((known) => this.#startsWith(start, known));
    if (prefix === undefined) return this.#addOdd(start);
    const body = this.#body;
    const keyStart = start + prefix.length;
    const keyEnd = body.indexOf(QUOTE, keyStart);
    const end = this.#lineEnd(keyEnd === -1 ? keyStart : keyEnd);
    const isWhole = keyEnd !== -1 && keyEnd < end && body[end - 1] === CLOSING_BRACE;
    if (!isWhole || (mayEscape && isEscaped(body.subarray(keyStart, keyEnd)))) {
      return this.#addOdd(start);
    }
    this.#insert(hashOf(body, keyStart, keyEnd), keyStart, keyEnd);
    // Only the files that were ever rejected need their names.
    if (body[end - 2] === CLOSING_BRACE) this.#rejected.add(this.#text(keyStart, keyEnd));
    else if (this.#rejected.size > 0) this.#rejected.delete(this.#text(keyStart, keyEnd));
    return end;
  }

  #addOdd(start: number): number {
    const end = this.#lineEnd(start + 1);
    const line = this.#text(start + 1, end);
    if (line === '') return end;
    const path = fromPathUri(this.#base, parseUri(line, this.#broken));
    if (path === null) return end;
    this.#odd.set(path, { start: start + 1, end });
    if (line.endsWith('}}')) this.#rejected.add(path);
    else this.#rejected.delete(path);
    return end;
  }

  #insert(hash: number, keyStart: number, keyEnd: number): void {
    const known = this.#find(hash, this.#body, { start: keyStart, end: keyEnd });
    if (known >= 0) {
      this.#keyStarts[known] = keyStart;
      this.#keyEnds[known] = keyEnd;
      return;
    }
    if (this.#count === this.#hashes.length) this.#grow();
    const entry = this.#count;
    this.#hashes[entry] = hash;
    this.#keyStarts[entry] = keyStart;
    this.#keyEnds[entry] = keyEnd;
    this.#count += 1;
    this.#take(entry, hash);
  }

  #slotEntry(path: StorePath): number {
    if (this.#scratch.length < path.length * 3) this.#scratch = Buffer.alloc(path.length * 6);
    const { written } = this.#encoder.encodeInto(path, this.#scratch);
    return this.#find(hashOf(this.#scratch, 0, written), this.#scratch, { start: 0, end: written });
  }

  /** The entry whose key is those bytes, or -1. */
  #find(hash: number, bytes: Buffer, key: Place): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      if (entry === -1) return -1;
      if (this.#hashes[entry] === hash && this.#isKey(entry, bytes, key)) return entry;
    }
  }

  #isKey(entry: number, bytes: Buffer, key: Place): boolean {
    const keyStart = this.#keyStarts[entry] ?? 0;
    const length = key.end - key.start;
    if ((this.#keyEnds[entry] ?? 0) - keyStart !== length) return false;
    return isSame(this.#body, keyStart, bytes.subarray(key.start, key.end));
  }

  #take(entry: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    const size = 2 * this.#hashes.length;
    this.#hashes = widened(this.#hashes, size);
    this.#keyStarts = widened(this.#keyStarts, size);
    this.#keyEnds = widened(this.#keyEnds, size);
    this.#slots = new Int32Array(2 * size);
    for (let entry = 0; entry < this.#count; entry += 1) {
      this.#take(entry, this.#hashes[entry] ?? 0);
    }
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#body.length) return;
    const wider = Buffer.allocUnsafe(bytes + (bytes >> 2) + 4096);
    this.#body.copy(wider, 0, 0, this.#bodyBytes);
    this.#body = wider;
  }

  #lineAround(at: number): Place {
    return { start: this.#body.lastIndexOf(LINE_FEED, at) + 1, end: this.#lineEnd(at) };
  }

  #lineEnd(at: number): number {
    const end = this.#body.indexOf(LINE_FEED, at);
    return end === -1 || end > this.#bodyBytes ? this.#bodyBytes : end;
  }

  #startsWith(at: number, known: Buffer): boolean {
    return at + known.length <= this.#bodyBytes && isSame(this.#body, at, known);
  }

  #text(start: number, end: number): string {
    return this.#body.toString('utf8', start, end);
  }
}

/** Four bytes at a time, for the paths of a log are long and much the same. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) hash = mix(hash, wordAt(bytes, at));
  for (; at < end; at += 1) hash = mix(hash, bytes[at] ?? 0);
  return hash;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function isSame(bytes: Buffer, at: number, other: Buffer): boolean {
  let index = 0;
  for (; index + 4 <= other.length; index += 4) {
    if (wordAt(bytes, at + index) !== wordAt(other, index)) return false;
  }
  for (; index < other.length; index += 1) if (bytes[at + index] !== other[index]) return false;
  return true;
}

function wordAt(bytes: Buffer, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

function isEscaped(bytes: Buffer): boolean {
  return bytes.includes(PERCENT) || bytes.includes(BACKSLASH);
}

function widened(values: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(size);
  wider.set(values);
  return wider;
}

function parseUri(line: string, broken: (reason: string) => Error): string {
  try {
    const value = parseJson(line);
    const path = isJsonObject(value) ? value['path'] : undefined;
    if (typeof path === 'string') return path;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw broken(`a line is not JSON (${error.message})`);
  }
  throw broken('an entry lacks its path');
}
