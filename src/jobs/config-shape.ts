/** The shape of a configuration as people write it: plain data, checked key by key, unknown keys refused. */

import * as v from 'valibot';

import { isDeltaError } from '../base/index.ts';
import { parseDdl, parseExpression, parseSelectItem } from '../schema/index.ts';
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

const dynamoDb = object({
  table: text,
  region: v.optional(text),
  endpoint: v.optional(text),
  use: v.optional(v.picklist(['commit', 'guard'], 'must be "commit" or "guard"')),
  scheme: v.optional(v.picklist(['s3a', 's3', 's3n'], 'must be "s3a", "s3" or "s3n"')),
});

const catalog = v.variant(
  'kind',
  [
    object({ kind: v.literal('file'), location: v.optional(text) }),
    object({ kind: v.literal('glue'), region: v.optional(text) }),
  ],
  'kind must be "file" or "glue"',
);

/** A text, or the name of the environment variable that holds it: what must not stand in a file. */
const secret = v.union(
  [text, object({ env: text })],
  'must be a text, or { env } with the name of a variable',
);

const sasl = v.variant(
  'mechanism',
  [
    object({
      mechanism: v.picklist(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
      username: secret,
      password: secret,
    }),
    object({ mechanism: v.literal('OAUTHBEARER'), token: secret }),
  ],
  'mechanism must be "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512" or "OAUTHBEARER"',
);

const tls = object({
  ca: v.optional(text),
  cert: v.optional(text),
  key: v.optional(text),
  serverName: v.optional(text),
});

const kafka = v.union(
  [
    object({
      brokers: v.union([text, v.array(text)], 'must be "host:port,…" or a list of them'),
      clientId: v.optional(text),
      sasl: v.optional(sasl),
      tls: v.optional(v.union([flag, tls], 'must be true, or an object with: ca, cert, key')),
    }),
    object({ recorded: text, produced: v.optional(text) }),
  ],
  'must have "brokers", or "recorded" with the folder of a recorded topic',
);

const registry = object({
  url: text,
  auth: v.optional(
    v.union(
      [object({ username: secret, password: secret }), object({ token: secret })],
      'must have username and password, or token',
    ),
  ),
});

const offset = v.pipe(
  v.number('must be a number'),
  v.integer('must be a whole number'),
  v.minValue(0, 'must be at least 0'),
);

const startingOffsets = v.union(
  [
    v.picklist(['earliest', 'latest']),
    object({ timestamp: text }),
    object({ offsets: v.record(text, v.record(text, offset)) }),
  ],
  'must be "earliest", "latest", { timestamp } or { offsets: { topic: { "0": 123 } } }',
);

const value = v.variant(
  'format',
  [
    object({ format: v.literal('avro') }),
    object({ format: v.literal('json'), schema: ddl }),
    object({ format: v.literal('raw') }),
  ],
  'format must be "avro", "json" or "raw"',
);

const kafkaEntries = {
  kind: v.literal('kafka'),
  startingOffsets: v.optional(startingOffsets),
  onDataLoss: v.optional(v.picklist(['fail', 'count'], 'must be "fail" or "count"')),
  isolation: v.optional(
    v.picklist(
      ['read_committed', 'read_uncommitted'],
      'must be "read_committed" or "read_uncommitted"',
    ),
  ),
  maxOffsetsPerBatch: v.optional(count),
  value,
  headers: v.optional(ddl),
  dateFrom: v.optional(text),
  tombstones: v.optional(v.picklist(['keep', 'reject'], 'must be "keep" or "reject"')),
};

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
    object({
      ...kafkaEntries,
      topics: v.union(
        [
          v.pipe(v.array(text), v.nonEmpty('must name a topic')),
          object({ pattern: v.pipe(text, checkedPattern()) }),
        ],
        'must be a list of names, or { pattern }',
      ),
    }),
  ],
  'kind must be "files" or "kafka"',
);

const items = v.pipe(v.array(text, 'must be a list'), v.nonEmpty('must not be empty'));

const transform = object({
  select: v.pipe(
    v.array(
      v.pipe(text, checked(parseSelectItem, "must be an item of Spark's SELECT")),
      'must be a list',
    ),
    v.nonEmpty('must select something'),
  ),
  where: v.optional(expression),
  groupBy: v.optional(items),
  orderBy: v.optional(items),
});

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

const message = {
  topic: text,
  key: v.optional(columns),
  headers: v.optional(v.record(text, v.string('must be a text'))),
  value: v.variant(
    'format',
    [
      object({ format: v.literal('avro'), subject: v.optional(text), schema: text }),
      object({ format: v.literal('json') }),
    ],
    'format must be "avro" or "json"',
  ),
};

const postShape = object(message);

const optimize = object({
  everyBatches: v.optional(count),
  minFiles: v.optional(count),
  sortBy: v.optional(columns),
});

const sinkEntries = {
  database: v.optional(name),
  evolve: v.optional(v.picklist(['none', 'add', 'widen'], 'must be "none", "add" or "widen"')),
  optimize: v.optional(optimize),
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
      post: v.optional(postShape),
    }),
    object({
      kind: v.literal('parquet'),
      location: v.optional(text),
      partitionBy: v.optional(columns),
      codec: v.optional(v.picklist(['snappy', 'zstd', 'gzip', 'uncompressed'])),
    }),
    object({ kind: v.literal('kafka'), ...message, exactlyOnce: v.optional(flag) }),
  ],
  'kind must be "append", "merge", "parquet" or "kafka"',
);

const trigger = v.union(
  [
    v.picklist(['once', 'continuous']),
    object({
      everySeconds: v.pipe(v.number('must be a number'), v.minValue(0.1, 'must be at least 0.1')),
    }),
  ],
  'must be "once", "continuous" or { everySeconds }',
);

const job = object({
  source,
  keys: v.optional(columns),
  dropDuplicates: v.optional(
    object({
      columns,
      against: v.picklist(['table', 'batch'], 'must be "table" or "batch"'),
      horizonDays: v.optional(count),
    }),
  ),
  transform: v.optional(transform),
  keepLatest: v.optional(object({ by: columns, orderBy: columns })),
  sink,
  checkpoint: v.optional(text),
  rejected: v.optional(text),
  strict: v.optional(flag),
  trigger: v.optional(trigger),
  workers: v.optional(object({ group: v.optional(text) })),
});

const configShape = object({
  lake: object({ location: text, dynamoDb: v.optional(dynamoDb) }),
  catalog: v.optional(catalog),
  kafka: v.optional(kafka),
  registry: v.optional(registry),
  views: v.optional(v.record(name, text, 'must be SELECTs by name')),
  database: name,
  jobs: v.record(name, job, 'must be jobs by name'),
});

/** A configuration as it is written: see `defineConfig`. */
export type ConfigInput = Constant<v.InferOutput<typeof configShape>>;
export type JobInput = Constant<v.InferOutput<typeof job>>;
export type PostInput = Constant<v.InferOutput<typeof postShape>>;

/** Read-only all through, so that parts that jobs share can be written `as const`. */
type Constant<T> = T extends object ? { readonly [Key in keyof T]: Constant<T[Key]> } : T;

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
  const { path, issue } = misfitOf(result.issues[0]);
  const key = path.length === 0 ? 'the configuration' : path.join('.');
  return { kind: 'misfits', key, reason: issue.message, unknownKey: isUnknownKey(issue) };
}

interface Misfit {
  readonly path: readonly string[];
  readonly issue: v.BaseIssue<unknown>;
}

/** Of a union, what is wrong inside the alternative that was meant, where that can be told: the one that goes furthest. */
function misfitOf(issue: v.BaseIssue<unknown>): Misfit {
  const path = (issue.path ?? []).map(({ key }) => String(key));
  const inner = (issue.issues ?? [])
    .map(misfitOf)
    .filter((it) => it.path.length > (isMissingKey(it.issue) ? 1 : 0))
    .sort((a, b) => b.path.length - a.path.length);
  const [deepest] = inner;
  return deepest === undefined
    ? { path, issue }
    : { path: [...path, ...deepest.path], issue: deepest.issue };
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

function isMissingKey(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.input === undefined;
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

function checkedPattern(): v.RawCheckAction<string> {
  return v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const fault = patternFault(dataset.value);
    if (fault !== null) addIssue({ message: `must be a regular expression: ${fault}` });
  });
}

function patternFault(text: string): string | null {
  try {
    RegExp(text, 'u');
    return null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return error.message;
  }
}
