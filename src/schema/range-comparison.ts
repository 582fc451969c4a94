/** What comparisons of ranges may give; three-valued logic over that. */

import { unreachable } from '../base/index.ts';
import { compareScalars, compareText } from './compare.ts';
import type { Scalar } from './types.ts';
import {
  alignRanges,
  ANY_OUTCOME,
  isSingle,
  type Outcomes,
  type ValueRange,
} from './value-range.ts';

export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';

export function compareRanges(operator: Comparison, left: ValueRange, right: ValueRange): Outcomes {
  const canNull = left.hasNull || right.hasNull;
  if (!left.hasValue || !right.hasValue) return { canTrue: false, canFalse: false, canNull };
  const aligned = alignRanges(left, right);
  if (aligned === null) return ANY_OUTCOME;
  const [one, other] = aligned;
  switch (operator) {
    case '=':
      return { canTrue: canEqual(one, other), canFalse: canDiffer(one, other), canNull };
    case '<>':
      return { canTrue: canDiffer(one, other), canFalse: canEqual(one, other), canNull };
    case '<':
      return { canTrue: isBelow(one, other), canFalse: reaches(one, other), canNull };
    case '>=':
      return { canTrue: reaches(one, other), canFalse: isBelow(one, other), canNull };
    case '>':
      return { canTrue: isBelow(other, one), canFalse: reaches(other, one), canNull };
    case '<=':
      return { canTrue: reaches(other, one), canFalse: isBelow(other, one), canNull };
    default:
      return unreachable(operator);
  }
}

/** `<=>`, which never gives null. */
export function compareNullSafe(left: ValueRange, right: ValueRange): Outcomes {
  const equal = compareRanges('=', left, right);
  return {
    canTrue: equal.canTrue || (left.hasNull && right.hasNull),
    canFalse:
      equal.canFalse || (left.hasNull && right.hasValue) || (right.hasNull && left.hasValue),
    canNull: false,
  };
}

/**
 * `=` as IN has it: where a text meets another type, engines turn either into the other's, and what is then not equal
 * differs between them.
 */
export function compareElement(value: ValueRange, element: ValueRange): Outcomes {
  const equal = compareRanges('=', value, element);
  return isText(value) === isText(element) ? equal : { ...equal, canFalse: true, canNull: true };
}

/** NaN is above every other upper bound, so it cannot be in the range unless that has it too. */
export function isBetween(value: ValueRange, low: ValueRange, high: ValueRange): Outcomes {
  const whole = and(compareRanges('>=', value, low), compareRanges('<=', value, high));
  if (!value.hasNaN || high.hasNaN) return whole;
  const numbers = { ...value, hasNaN: false };
  return { ...whole, canTrue: whole.canTrue && compareRanges('>=', numbers, low).canTrue };
}

/** `LIKE` with a pattern that is the same in every row. */
export function matchesPattern(value: ValueRange, pattern: string, escape: string): Outcomes {
  const start = literalStart(pattern, escape);
  if (start === null || !isText(value)) return ANY_OUTCOME;
  const { text, rest } = start;
  const { min, max } = value;
  const startsBefore = typeof max !== 'string' || compareText(max, text) >= 0;
  const endsAfter = typeof min !== 'string' || compareText(min, text) <= 0 || min.startsWith(text);
  const allStart =
    typeof min === 'string' &&
    typeof max === 'string' &&
    min.startsWith(text) &&
    max.startsWith(text);
  return {
    canTrue: value.hasValue && startsBefore && endsAfter && (rest !== '' || canBeText(value, text)),
    canFalse: value.hasValue && !(rest === '%' && allStart),
    canNull: value.hasNull,
  };
}

export function and(left: Outcomes, right: Outcomes): Outcomes {
  return {
    canTrue: left.canTrue && right.canTrue,
    canFalse: left.canFalse || right.canFalse,
    canNull:
      (left.canNull && (right.canTrue || right.canNull)) ||
      (right.canNull && (left.canTrue || left.canNull)),
  };
}

export function or(left: Outcomes, right: Outcomes): Outcomes {
  return not(and(not(left), not(right)));
}

export function not({ canTrue, canFalse, canNull }: Outcomes): Outcomes {
  return { canTrue: canFalse, canFalse: canTrue, canNull };
}

function canEqual(left: ValueRange, right: ValueRange): boolean {
  if (left.hasNaN && right.hasNaN) return true;
  return atMost(left.min, right.max) && atMost(right.min, left.max);
}

function canDiffer(left: ValueRange, right: ValueRange): boolean {
  return !(isSingle(left) && isSingle(right) && canEqual(left, right));
}

/** Some value of `left` may be less than some of `right`. */
function isBelow(left: ValueRange, right: ValueRange): boolean {
  const top = upper(right);
  return left.min === null || top === null || compareScalars(left.min, top) < 0;
}

/** Some value of `left` may be as great as some of `right`, or greater. */
function reaches(left: ValueRange, right: ValueRange): boolean {
  return atMost(right.min, upper(left));
}

function isText(range: ValueRange): boolean {
  return range.type?.kind === 'primitive' && range.type.name === 'string';
}

function upper(range: ValueRange): Scalar | null {
  return range.hasNaN ? null : range.max;
}

/** True where unknown. */
function atMost(low: Scalar | null, high: Scalar | null): boolean {
  return low === null || high === null || compareScalars(low, high) <= 0;
}

function canBeText(value: ValueRange, text: string): boolean {
  const { min, max } = value;
  return (
    (typeof min !== 'string' || compareText(min, text) <= 0) &&
    (typeof max !== 'string' || compareText(max, text) >= 0)
  );
}

/** The text before the first wildcard, and what follows it; null for a pattern that engines refuse. */
function literalStart(
  pattern: string,
  escape: string,
): { readonly text: string; readonly rest: string } | null {
  let text = '';
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern.charAt(index);
    if (character === escape) {
      const next = pattern.charAt(index + 1);
      if (next !== '%' && next !== '_' && next !== escape) return null;
      text += next;
      index += 1;
    } else if (character === '%' || character === '_') {
      return { text, rest: pattern.slice(index) };
    } else {
      text += character;
    }
  }
  return { text, rest: '' };
}
