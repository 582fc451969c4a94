/** Bytes and texts, broken by chance in the ways that disks, networks and other writers break them. */

import type { Random } from '../../src/base/index.ts';

export type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

export function below(random: Random, bound: number): number {
  return Math.floor(random.float() * bound);
}

/** A place in what is mutated, as `pick` of a list. */
export function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[below(random, from.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}

const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xff] as const;

const changeBytes: Mutation = (bytes, random) => {
  const changed = new Uint8Array(bytes);
  for (let count = 1 + below(random, 4); count > 0 && changed.length > 0; count -= 1) {
    const place = below(random, changed.length);
    changed[place] = random.float() < 0.5 ? pick(random, EDGES) : below(random, 256);
  }
  return changed;
};

const flipBit: Mutation = (bytes, random) => {
  const changed = new Uint8Array(bytes);
  const place = below(random, changed.length);
  changed[place] = (changed[place] ?? 0) ^ (1 << below(random, 8));
  return changed;
};

export const truncate: Mutation = (bytes, random) => bytes.subarray(0, below(random, bytes.length));

const cut: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
};

const repeat: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
};

export const blank: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return new Uint8Array(bytes).fill(0, start, end);
};

export const garbage: Mutation = (bytes, random) =>
  Uint8Array.from({ length: below(random, bytes.length + 10) }, () => below(random, 256));

const ANY: readonly Mutation[] = [changeBytes, flipBit, truncate, cut, repeat, blank, garbage];

/** One of all. */
export const mutate: Mutation = (bytes, random) => pick(random, ANY)(bytes, random);

const PIECES = [
  'null',
  '{}',
  '[]',
  '""',
  '-1',
  '1e999',
  '9007199254740993',
  '123456789012345678901234567890',
  '"\\u0000"',
  '"%"',
  '{"add":null}',
  '['.repeat(5_000),
  '"__proto__"',
  'true',
] as const;

/** Values and members of JSON lines exchanged, lines moved; else as `mutate`. */
export const mutateJson: Mutation = (bytes, random) => {
  if (random.float() < 0.5) return mutate(bytes, random);
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(
    pick(random, [replaceValue, dropLine, doubleLine, swapLines])(text, random),
  );
};

function replaceValue(text: string, random: Random): string {
  const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+|true|false|null/g)];
  if (values.length === 0) return text;
  const value = pick(random, values);
  const end = value.index + value[0].length;
  return text.slice(0, value.index) + pick(random, PIECES) + text.slice(end);
}

function dropLine(text: string, random: Random): string {
  const lines = text.split('\n');
  lines.splice(below(random, lines.length), 1);
  return lines.join('\n');
}

function doubleLine(text: string, random: Random): string {
  const lines = text.split('\n');
  const line = pick(random, lines);
  lines.splice(below(random, lines.length), 0, line);
  return lines.join('\n');
}

function swapLines(text: string, random: Random): string {
  const lines = text.split('\n');
  const [a, b] = [below(random, lines.length), below(random, lines.length)];
  [lines[a], lines[b]] = [lines[b] ?? '', lines[a] ?? ''];
  return lines.join('\n');
}

function range(bytes: Uint8Array, random: Random): readonly [number, number] {
  const start = below(random, bytes.length);
  return [start, start + 1 + below(random, Math.min(64, bytes.length - start))];
}
