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

/** A line of the log: where it starts and ends in the bytes. */
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
  #scratch = new Uint8Array(4096);

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
    if (entry === -1) return odd === undefined ? null : this.#text(odd);
    const keyStart = this.#keyStarts[entry] ?? 0;
    const place = this.#lineAround(keyStart);
    return this.#text(odd !== undefined && odd.start > place.start ? odd : place);
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
    while (start < this.#bodyBytes) start = this.#addLine(start);
  }

  /** Adds the line whose line feed is at `start`; where the next one begins. */
  #addLine(start: number): number {
    const body = this.#body;
    const prefix = this.#prefixes.find((known) => startsWith(body, start, known));
    if (prefix === undefined) return this.#addOdd(start);
    const keyStart = start + prefix.length;
    let hash = 0x811c9dc5;
    let at = keyStart;
    for (let byte = body[at] ?? 0; byte !== QUOTE; byte = body[at] ?? 0) {
      if (byte === PERCENT || byte === BACKSLASH || at >= this.#bodyBytes) {
        return this.#addOdd(start);
      }
      hash = Math.imul(hash ^ byte, 0x01000193);
      at += 1;
    }
    const end = this.#lineEnd(at);
    if (body[end - 1] !== CLOSING_BRACE) return this.#addOdd(start);
    const isRejected = body[end - 2] === CLOSING_BRACE;
    this.#insert(hash, keyStart, at);
    // Only the files that were ever rejected need their names.
    if (isRejected) this.#rejected.add(body.toString('utf8', keyStart, at));
    else if (this.#rejected.size > 0) this.#rejected.delete(body.toString('utf8', keyStart, at));
    return end;
  }

  #addOdd(start: number): number {
    const end = this.#lineEnd(start + 1);
    const line = this.#text({ start: start + 1, end });
    if (line === '') return end;
    const path = fromPathUri(this.#base, parseUri(line, this.#broken));
    if (path === null) return end;
    this.#odd.set(path, { start: start + 1, end });
    if (line.endsWith('}}')) this.#rejected.add(path);
    else this.#rejected.delete(path);
    return end;
  }

  #insert(hash: number, keyStart: number, keyEnd: number): void {
    const known = this.#find(hash, this.#body, keyStart, keyEnd);
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
    if (this.#scratch.length < path.length * 3) this.#scratch = new Uint8Array(path.length * 6);
    const { written } = this.#encoder.encodeInto(path, this.#scratch);
    let hash = 0x811c9dc5;
    for (let at = 0; at < written; at += 1) {
      hash = Math.imul(hash ^ (this.#scratch[at] ?? 0), 0x01000193);
    }
    return this.#find(hash, this.#scratch, 0, written);
  }

  /** The entry whose key is those bytes, or -1. */
  #find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      if (entry === -1) return -1;
      if (this.#hashes[entry] === hash && this.#isKey(entry, bytes, start, end)) return entry;
    }
  }

  #isKey(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const keyStart = this.#keyStarts[entry] ?? 0;
    if ((this.#keyEnds[entry] ?? 0) - keyStart !== end - start) return false;
    for (let at = 0; at < end - start; at += 1) {
      if (this.#body[keyStart + at] !== bytes[start + at]) return false;
    }
    return true;
  }

  #take(entry: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = spread(hash) & mask;
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

  #text({ start, end }: Place): string {
    return this.#body.toString('utf8', start, end);
  }
}

// FNV's low bits alone depend too little on the last characters.
function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

function widened(values: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(size);
  wider.set(values);
  return wider;
}

function startsWith(bytes: Buffer, at: number, start: Buffer): boolean {
  const end = Math.min(at + start.length, bytes.length);
  return bytes.compare(start, 0, start.length, at, end) === 0;
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
