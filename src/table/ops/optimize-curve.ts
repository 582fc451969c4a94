/**
 * Rows along a curve that fills the space of several columns, so that rows near to one another in all of them come to the
 * same files. Each column counts by the rank of its values, so that it does not matter how they are spread; equal values
 * have one rank, and null is the least.
 */

import { identifier } from '../../engine/index.ts';

/** `zorder` interleaves the bits of the ranks; `hilbert` makes no jumps, which touches fewer files. */
export type Curve = 'zorder' | 'hilbert';

export interface CurveOptions {
  /** The engine's SQL for each column's value; at least one. */
  readonly keys: readonly string[];
  readonly curve: Curve;
  /** Names that the rows have, in lower case: not to be used for anything else. */
  readonly taken: ReadonlySet<string>;
}

/** Ranks of a column that are told apart: far more than there are files along it. */
const RANK_BITS_MAX = 12;
/** A place on the curve is a BIGINT. */
const PLACE_BITS_MAX = 62;

/** The SELECT `rows` in the order of the curve, with further columns behind its own. One column needs no curve. */
export function alongCurve(rows: string, { keys, curve, taken }: CurveOptions): string {
  const ties = keys.map((key) => `${key} ASC NULLS FIRST`).join(', ');
  if (keys.length === 1) return `SELECT * FROM (${rows}) ORDER BY ${ties}`;
  const bits = Math.max(1, Math.min(RANK_BITS_MAX, Math.floor(PLACE_BITS_MAX / keys.length)));
  const names = freshNames(keys.length, taken);
  const ranks = keys.map(
    (key, index) =>
      `(rank() OVER (ORDER BY ${key} ASC NULLS FIRST) - 1) * ${String(2 ** bits)} // count(*) OVER () ` +
      `AS ${names[index] ?? ''}`,
  );
  const ranked = `SELECT *, ${ranks.join(', ')} FROM (${rows})`;
  const placed = curve === 'zorder' ? ranked : transposed(ranked, names, bits);
  return `SELECT * FROM (${placed}) ORDER BY ${interleaved(names, bits)}, ${ties}`;
}

/** The bits of all columns, the highest of each first. */
function interleaved(names: readonly string[], bits: number): string {
  const terms: string[] = [];
  for (let bit = 0; bit < bits; bit += 1) {
    for (const [index, name] of names.entries()) {
      const to = bit * names.length + (names.length - 1 - index);
      terms.push(`(((${name} >> ${String(bit)}) & 1) << ${String(to)})`);
    }
  }
  return `(${terms.join(' | ')})`;
}

/**
 * Ranks → what, interleaved, is the place on Hilbert's curve. J. Skilling, "Programming the Hilbert curve" (2004): the
 * rotations and reflections of each level are undone from the highest bit on, and what is left is Gray-coded.
 */
function transposed(ranked: string, names: readonly string[], bits: number): string {
  let sql = ranked;
  const replace = (...columns: readonly string[]): void => {
    sql = `SELECT * REPLACE (${columns.join(', ')}) FROM (${sql})`;
  };
  const [first = ''] = names;
  for (let bit = bits - 1; bit > 0; bit -= 1) {
    const [level, below] = [String(2 ** bit), String(2 ** bit - 1)];
    for (const [index, own] of names.entries()) {
      const isSet = `${own} & ${level} <> 0`;
      if (index === 0) {
        replace(`xor(${first}, CASE WHEN ${isSet} THEN ${below} ELSE 0 END) AS ${first}`);
        continue;
      }
      const swapped = `xor(${first}, ${own}) & ${below}`;
      replace(
        `xor(${first}, CASE WHEN ${isSet} THEN ${below} ELSE ${swapped} END) AS ${first}`,
        `CASE WHEN ${isSet} THEN ${own} ELSE xor(${own}, ${swapped}) END AS ${own}`,
      );
    }
  }
  for (let index = 1; index < names.length; index += 1) {
    const own = names[index] ?? '';
    replace(`xor(${own}, ${names[index - 1] ?? ''}) AS ${own}`);
  }
  const last = names.at(-1) ?? '';
  let parity = '0';
  for (let bit = bits - 1; bit > 0; bit -= 1) {
    const [level, below] = [String(2 ** bit), String(2 ** bit - 1)];
    parity = `xor(${parity}, CASE WHEN ${last} & ${level} <> 0 THEN ${below} ELSE 0 END)`;
  }
  replace(...names.map((name) => `xor(${name}, ${parity}) AS ${name}`));
  return sql;
}

function freshNames(count: number, taken: ReadonlySet<string>): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    let name = `rank ${String(index)}`;
    while (taken.has(name)) name += ' ';
    return identifier(name);
  });
}
