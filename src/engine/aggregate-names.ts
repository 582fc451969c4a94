/** The aggregates that there are, apart from how each is computed: expressions over single rows refuse them by name. */

const NAMES = [
  'any',
  'avg',
  'bool_and',
  'bool_or',
  'count',
  'count_if',
  'every',
  'max',
  'max_by',
  'mean',
  'min',
  'min_by',
  'some',
  'sum',
] as const;

export type AggregateName = (typeof NAMES)[number];

/** The aggregate of this lower-case name, or null. */
export function aggregateNamed(name: string): AggregateName | null {
  return NAMES.find((known) => known === name) ?? null;
}
