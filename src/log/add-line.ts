/**
 * Lines of the one shape that nearly all of a long log have, taken apart where they stand, without a text or an object:
 *
 *     {"add":{"path":"…","partitionValues":{…},"size":1,"modificationTime":1,"dataChange":true,"stats":"…","tags":null}}\n
 *
 * The members may come in any order. Whatever else a line holds (spaces, escapes outside of the statistics, members with other
 * names, numbers of another form, a member twice, a fault) makes it no plain one: then it is for the parser of all JSON.
 */

/** Where the members of a plain add stand in the bytes of its commit; filled anew by each line that is read. */
export class AddLine {
  /** Between the quotes, as `pathEnd`. */
  pathStart = 0;
  pathEnd = 0;
  /** Whether the path is its own key (`pathKey`): it is not encoded, and no URI. */
  isPathKey = false;
  /** From the opening brace to behind the closing one: an object of texts, which may yet be no JSON. */
  partitionsStart = 0;
  partitionsEnd = 0;
  size = 0;
  modificationTime = 0;
  dataChange = false;
  /** Between the quotes, as `statsEnd`, with the escapes that JSON has; −1 where there are none. */
  statsStart = -1;
  statsEnd = -1;
  #seen = 0;

  /** The index behind the line that starts at `start`; −1 where it is not plain. The bytes, which `view` sees too, must be UTF-8. */
  read(bytes: Uint8Array, view: DataView, start: number): number {
    if (!isAt(HEAD, bytes, start)) return -1;
    this.#seen = 0;
    this.statsStart = -1;
    this.statsEnd = -1;
    let at = start + HEAD.length;
    for (;;) {
      at = this.#member(bytes, view, at);
      if (at < 0 || at + 1 >= bytes.length) return -1;
      const byte = bytes[at];
      at += 1;
      if (byte === CLOSE) break;
      if (byte !== COMMA) return -1;
    }
    if (bytes[at] !== CLOSE || (this.#seen & NEEDED) !== NEEDED) return -1;
    at += 1;
    if (at === bytes.length) return at;
    return bytes[at] === NEWLINE ? at + 1 : -1;
  }

  /** The index behind the member that starts at `at`, or −1. */
  #member(bytes: Uint8Array, view: DataView, at: number): number {
    const letter = bytes[at + 1];
    if (letter === LETTER_S && isAt(STATS, bytes, at)) {
      return this.#saw(1) ? this.#stats(bytes, view, at + STATS.length) : -1;
    }
    if (letter === LETTER_P && isAt(PATH, bytes, at)) {
      return this.#saw(2) ? this.#path(bytes, at + PATH.length) : -1;
    }
    if (letter === LETTER_S && isAt(SIZE, bytes, at)) {
      const end = this.#saw(4) ? numberEnd(bytes, at + SIZE.length) : -1;
      this.size = numberIn(bytes, at + SIZE.length, end);
      return end;
    }
    if (letter === LETTER_M && isAt(MODIFIED, bytes, at)) {
      const end = this.#saw(8) ? numberEnd(bytes, at + MODIFIED.length) : -1;
      this.modificationTime = numberIn(bytes, at + MODIFIED.length, end);
      return end;
    }
    if (letter === LETTER_P && isAt(PARTITIONS, bytes, at)) {
      if (!this.#saw(16)) return -1;
      this.partitionsStart = at + PARTITIONS.length - 1;
      this.partitionsEnd = flatObjectEnd(bytes, view, this.partitionsStart);
      return this.partitionsEnd;
    }
    if (letter === LETTER_D && isAt(DATA_CHANGE, bytes, at)) {
      if (!this.#saw(32)) return -1;
      const value = at + DATA_CHANGE.length;
      this.dataChange = isAt(TRUE, bytes, value);
      if (this.dataChange) return value + TRUE.length;
      return isAt(FALSE, bytes, value) ? value + FALSE.length : -1;
    }
    const absent = ABSENT.find((member) => isAt(member, bytes, at));
    return absent === undefined ? -1 : at + absent.length;
  }

  /** False where the member was there before. */
  #saw(member: number): boolean {
    const isNew = (this.#seen & member) === 0;
    this.#seen |= member;
    return isNew;
  }

  #path(bytes: Uint8Array, start: number): number {
    this.pathStart = start;
    let isKey = true;
    for (let at = start; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.pathEnd = at;
        this.isPathKey = isKey;
        return at + 1;
      }
      if (byte < SPACE || byte === BACKSLASH) return -1;
      if (byte === PERCENT || byte === COLON) isKey = false;
    }
    return -1;
  }

  #stats(bytes: Uint8Array, view: DataView, start: number): number {
    this.statsStart = start;
    this.statsEnd = textEnd(bytes, view, start);
    return this.statsEnd < 0 ? -1 : this.statsEnd + 1;
  }
}

const [QUOTE, BACKSLASH, COMMA, OPEN, CLOSE] = [0x22, 0x5c, 0x2c, 0x7b, 0x7d];
const [NEWLINE, SPACE, PERCENT, COLON] = [0x0a, 0x20, 0x25, 0x3a];
const [ZERO, NINE, LIST] = [0x30, 0x39, 0x5b];
/** The first letters of the members that are looked for. */
const [LETTER_S, LETTER_P, LETTER_M, LETTER_D] = [0x73, 0x70, 0x6d, 0x64];

/** What may follow a backslash. */
const ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));

const HEAD = Buffer.from('{"add":{');
const STATS = Buffer.from('"stats":"');
const PATH = Buffer.from('"path":"');
const SIZE = Buffer.from('"size":');
const MODIFIED = Buffer.from('"modificationTime":');
const PARTITIONS = Buffer.from('"partitionValues":{');
const DATA_CHANGE = Buffer.from('"dataChange":');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
/** All but the statistics. */
const NEEDED = 2 | 4 | 8 | 16 | 32;

/** Some writers name what is not there; as nothing else may have these names here, it does not matter how often. */
const ABSENT = [
  'tags',
  'deletionVector',
  'baseRowId',
  'defaultRowCommitVersion',
  'clusteringProvider',
].map((name) => Buffer.from(`"${name}":null`));

/** A double has them all. */
const DIGITS_MAX = 15;

function isAt(text: Uint8Array, bytes: Uint8Array, at: number): boolean {
  if (at + text.length > bytes.length) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text[index]) return false;
  }
  return true;
}

/** The index of the quote that ends a text, or −1. Escapes by number are left to others. */
function textEnd(bytes: Uint8Array, view: DataView, start: number): number {
  const last = bytes.length - 2;
  let at = start;
  while (at <= last) {
    const step = STEPS[view.getUint16(at, true)];
    // Most pairs are these.
    if (step === TWO_ON) at += 2;
    else if (step === ONE_ON) at += 1;
    else return step === TEXT_END ? at : -1;
  }
  return at < bytes.length && bytes[at] === QUOTE ? at : -1;
}

/** What a pair of bytes within a text means for going on. */
const [TWO_ON, ONE_ON, TEXT_END, NO_TEXT] = [0, 1, 2, 3];

/** By the first byte and 256 times the second. */
const STEPS = new Uint8Array(0x10000);
for (let second = 0; second < 0x100; second += 1) {
  const steps = STEPS.subarray(second * 0x100, second * 0x100 + 0x100);
  const isPlain = second >= SPACE && second !== QUOTE && second !== BACKSLASH;
  steps.fill(isPlain ? TWO_ON : ONE_ON);
  steps.fill(NO_TEXT, 0, SPACE);
  steps[QUOTE] = TEXT_END;
  steps[BACKSLASH] = ESCAPES.has(second) ? TWO_ON : NO_TEXT;
}

/** The index behind an object whose texts hold its only braces and brackets, or −1. */
function flatObjectEnd(bytes: Uint8Array, view: DataView, start: number): number {
  let at = start + 1;
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    if (byte === CLOSE) return at + 1;
    if (byte < SPACE || byte === OPEN || byte === LIST) return -1;
    if (byte === QUOTE) {
      at = textEnd(bytes, view, at + 1);
      if (at < 0) return -1;
    }
    at += 1;
  }
  return -1;
}

/** The index behind a whole number that is not negative and that a double holds, or −1. */
function numberEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && isDigit(bytes[at] ?? 0)) at += 1;
  const digits = at - start;
  if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && bytes[start] === ZERO)) return -1;
  return at;
}

function numberIn(bytes: Uint8Array, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at += 1) number = number * 10 + (bytes[at] ?? 0) - ZERO;
  return number;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
