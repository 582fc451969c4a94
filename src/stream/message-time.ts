/** Times of headers, read from their bytes. */

import { readTimestamp } from '../schema/index.ts';

const ZERO = 48;
const HYPHEN = 45;
const PLUS = 43;
const POINT = 46;
const COLON = 58;
const SPACE = 32;
const LETTER_T = 84;
const LETTER_Z = 90;

const MICROS_PER_SECOND = 1_000_000;
const ZONE_MINUTES_MAX = 18 * 60;
/** `YYYY-MM-DDTHH:MM:SS`, and the same with six digits of a fraction. */
const SECONDS_END = 19;
const MICROS_END = 26;
const ZONE_BYTES = 6;

/** Memory, byte by byte and as words. */
export interface ViewedMemory {
  readonly memory: Uint8Array;
  readonly view: DataView;
}

/** Reads times one after another; most are of the same day as the one before. */
export class TimeReader {
  /** The bytes of the day that was read last: two words and a half. */
  #day = [0, 0, 0];
  #daySeconds = Number.NaN;

  /**
   * Microseconds since the epoch of the ISO-8601 text in bytes `start` to `end`, as `readTimestamp` of the room `schema` has
   * it; without a zone it is UTC. NaN where it is none, or beyond what a number holds exactly.
   */
  read(from: ViewedMemory, start: number, end: number): number {
    const micros = this.#readPlain(from, start, end);
    return Number.isSafeInteger(micros) ? micros : readAny(from.memory, start, end);
  }

  /** `YYYY-MM-DD{T| }HH:MM:SS[.ffffff][Z|±HH:MM]`, as nearly all are; NaN for every other text. */
  #readPlain({ memory, view }: ViewedMemory, start: number, end: number): number {
    const separator = memory[start + 10];
    if (
      end - start < SECONDS_END ||
      (separator !== LETTER_T && separator !== SPACE) ||
      memory[start + 13] !== COLON ||
      memory[start + 16] !== COLON
    ) {
      return Number.NaN;
    }
    const hour = digits(memory, start + 11, start + 13);
    const minute = digits(memory, start + 14, start + 16);
    const second = digits(memory, start + 17, start + SECONDS_END);
    if (!(hour <= 23 && minute <= 59 && second <= 59)) return Number.NaN;
    if (!this.#isDay(view, start)) this.#readDay(memory, view, start);
    const zone = fractionEnd(memory, start + SECONDS_END, Math.min(end, start + MICROS_END));
    const fraction = fractionOf(memory, start + SECONDS_END, zone);
    const seconds = this.#daySeconds + hour * 3600 + minute * 60 + second;
    return (seconds - zoneSeconds(memory, zone, end)) * MICROS_PER_SECOND + fraction;
  }

  #isDay(view: DataView, start: number): boolean {
    return (
      view.getInt16(start + 8) === this.#day[2] &&
      view.getInt32(start + 4) === this.#day[1] &&
      view.getInt32(start) === this.#day[0]
    );
  }

  #readDay(bytes: Uint8Array, view: DataView, start: number): void {
    this.#day = [view.getInt32(start), view.getInt32(start + 4), view.getInt16(start + 8)];
    this.#daySeconds = daySeconds(bytes, start);
  }
}

/** Midnight of `YYYY-MM-DD`; NaN for other texts. */
function daySeconds(bytes: Uint8Array, start: number): number {
  if (bytes[start + 4] !== HYPHEN || bytes[start + 7] !== HYPHEN) return Number.NaN;
  const year = digits(bytes, start, start + 4);
  const month = digits(bytes, start + 5, start + 7);
  const day = digits(bytes, start + 8, start + 10);
  if (Number.isNaN(year + month + day)) return Number.NaN;
  const midnight = readTimestamp(textOf(bytes, start, start + 10));
  return Number(midnight?.micros ?? Number.NaN) / MICROS_PER_SECOND;
}

/** Where the point and the digits after the seconds end. */
function fractionEnd(bytes: Uint8Array, start: number, limit: number): number {
  if (start >= limit || bytes[start] !== POINT) return start;
  let end = start + 1;
  while (end < limit && isDigit(bytes[end])) end += 1;
  return end;
}

/** In microseconds. */
function fractionOf(bytes: Uint8Array, point: number, end: number): number {
  if (point === end) return 0;
  if (point + 1 === end) return Number.NaN;
  let micros = digits(bytes, point + 1, end);
  for (let place = end - point; place <= 6; place += 1) micros *= 10;
  return micros;
}

/** How far the clock of the zone is ahead; NaN for other forms of zones. */
function zoneSeconds(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  const sign = bytes[start];
  if (sign === LETTER_Z && start + 1 === end) return 0;
  if ((sign !== PLUS && sign !== HYPHEN) || end - start !== ZONE_BYTES) return Number.NaN;
  if (bytes[start + 3] !== COLON) return Number.NaN;
  const rest = digits(bytes, start + 4, end);
  const minutes = digits(bytes, start + 1, start + 3) * 60 + rest;
  if (!(rest <= 59 && minutes <= ZONE_MINUTES_MAX)) return Number.NaN;
  return (sign === PLUS ? minutes : -minutes) * 60;
}

/** The number that digits stand for, NaN where there is anything else. */
function digits(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (!isDigit(byte)) return Number.NaN;
    value = value * 10 + byte - ZERO;
  }
  return value;
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= ZERO + 9;
}

function readAny(bytes: Uint8Array, start: number, end: number): number {
  const time = readTimestamp(textOf(bytes, start, end));
  const micros = time === null ? Number.NaN : Number(time.micros);
  return Number.isSafeInteger(micros) ? micros : Number.NaN;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
