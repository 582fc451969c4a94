/** The shape of a configuration as people write it: plain data, checked key by key, unknown keys refused. */

import * as v from 'valibot';

import { isDeltaError } from '../base/index.ts';
import { parseDdl, parseExpression } from '../schema/index.ts';
import { didYouMean } from './near-name.ts';

const text = v.pipe(v.string('must be a text'), v.nonEmpty('must not be empty'));
const name = v.pipe(
  text,
  v.regex(/^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u, 'must be a name: letters, digits, "_", "-" and "."'),
);
const count = v.pipe(
  v.number('must be a number'),
  v.integer('must be a whole number'),
  v.minValue(1, 'must be at least 1'),
);
const flag = v.boolean('must be true or false');
const columns = v.pipe(
  v.array(text, 'must be a list of column names'),
  v.nonEmpty('must name a column'),
);
const ddl = v.pipe(text, checked(parseDdl, 'must be columns as in CREATE TABLE'));
const expression = v.pipe(text, checked(parseExpression, "must be an expression of Spark's SQL"));
const properties = v.record(text, v.string('must be a text'), 'must be texts by name');
const assignments = v.union(
  [v.literal('*'), v.record(text, expression)],
  'must be "*", or expressions by column',
);

const catalog = v.variant(
  'kind',
  [
    object({ kind: v.literal('file'), location: v.optional(text) }),
    object({ kind: v.literal('glue'), region: v.optional(text) }),
  ],
  'kind must be "file" or "glue"',
);

const source = v.variant(
  'kind',
  [
    object({
      kind: v.literal('files'),
      location: text,
      schema: ddl,
      maxFilesPerBatch: v.optional(count),
      maxBytesPerBatch: v.optional(count),
    }),
  ],
  'kind must be "files"',
);

const whenMatched = v.pipe(
  object({
    condition: v.optional(expression),
    update: v.optional(assignments),
    delete: v.optional(v.literal(true, 'must be true, or left out')),
  }),
  v.check(
    (clause) => (clause.update === undefined) !== (clause.delete === undefined),
    'must have either "update" or "delete"',
  ),
);

const whenNotMatched = object({ condition: v.optional(expression), insert: assignments });

const sinkEntries = {
  table: name,
  virtualTable: v.optional(name),
  location: v.optional(text),
  schema: v.optional(ddl),
  partitionBy: v.optional(columns),
  properties: v.optional(properties),
};

const sink = v.variant(
  'kind',
  [
    object({ kind: v.literal('append'), ...sinkEntries }),
    object({
      kind: v.literal('merge'),
      ...sinkEntries,
      on: expression,
      whenMatched: v.optional(v.array(whenMatched, 'must be a list of clauses')),
      whenNotMatched: v.optional(v.array(whenNotMatched, 'must be a list of clauses')),
    }),
  ],
  'kind must be "append" or "merge"',
);

const job = object({
  source,
  keys: v.optional(columns),
  dropDuplicates: v.optional(
    object({ columns, against: v.picklist(['table', 'batch'], 'must be "table" or "batch"') }),
  ),
  keepLatest: v.optional(object({ by: columns, orderBy: columns })),
  sink,
  checkpoint: v.optional(text),
  rejected: v.optional(text),
  strict: v.optional(flag),
});

const configShape = object({
  lake: object({ location: text }),
  catalog: v.optional(catalog),
  database: name,
  jobs: v.record(name, job, 'must be jobs by name'),
});

/** A configuration as it is written: see `defineConfig`. */
export type ConfigInput = v.InferOutput<typeof configShape>;
export type JobInput = v.InferOutput<typeof job>;

export type ShapeOutcome =
  | { readonly kind: 'fits'; readonly input: ConfigInput }
  | {
      readonly kind: 'misfits';
      /** The path to what is wrong. */
      readonly key: string;
      readonly reason: string;
      readonly unknownKey: boolean;
    };

/** The value as a configuration, or the first thing wrong with it. */
export function fitShape(value: unknown): ShapeOutcome {
  const result = v.safeParse(configShape, value, { abortEarly: true });
  if (result.success) return { kind: 'fits', input: result.output };
  const issue = result.issues[0];
  const key = v.getDotPath(issue) ?? 'the configuration';
  return { kind: 'misfits', key, reason: issue.message, unknownKey: isUnknownKey(issue) };
}

function object<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.StrictObjectSchema<Entries, (issue: v.StrictObjectIssue) => string> {
  const known = Object.keys(entries);
  return v.strictObject(entries, (issue) => {
    if (issue.expected === 'Object') return `must be an object with: ${known.join(', ')}`;
    if (!isUnknownKey(issue)) return 'is missing';
    const key = issue.received.replace(/^"|"$/g, '');
    return `is not known here${didYouMean(key, known)}; allowed are: ${known.join(', ')}`;
  });
}

function isUnknownKey(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

/** A text that `parse` takes; what it throws becomes the message. */
function checked(parse: (text: string) => unknown, expected: string): v.RawCheckAction<string> {
  return v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    try {
      parse(dataset.value);
    } catch (error) {
      if (!isDeltaError(error)) throw error;
      addIssue({ message: `${expected}: ${error.message}` });
    }
  });
}
