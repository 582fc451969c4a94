/** The log table on DynamoDB, item by item as Spark's `S3DynamoDBLogStore` has it. */

import type { AttributeValue, DynamoDB } from '@aws-sdk/client-dynamodb';

import { type Clock, type DeltaError, type Random, retry } from '../base/index.ts';
import {
  denied,
  logTableCorrupt,
  logTableMissing,
  outcomeUnknown,
  type StoreCall,
  unavailable,
} from './errors.ts';
import type { LogEntry, LogTable } from './log-table.ts';
import { mayHaveArrived, nameOf, s3Error } from './s3-errors.ts';

export interface DynamoDbOptions {
  /** The name of the log table: Spark's `ddb.tableName`, `delta_log` where it is not set there. */
  readonly table: string;
  /** Default `AWS_REGION`, `AWS_DEFAULT_REGION`, the AWS configuration file; `us-east-1` with an endpoint. */
  readonly region?: string;
  /** Default `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`, AWS itself. */
  readonly endpoint?: string;
  /** Default: AWS's own chain (environment, files, container, instance). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /**
   * `commit` (default): tables on S3 are committed to through the log table. `guard`: by conditional PUT, and a table
   * that has entries in the log table is refused.
   */
  readonly use?: 'commit' | 'guard';
  /** How the other writers spell the URIs of tables; entries are found by it, letter by letter. Default `s3a`. */
  readonly scheme?: 's3a' | 's3' | 's3n';
}

const RETRY = { attemptsMax: 6, delayMsMin: 50, delayMsMax: 5_000 };
const CONNECT_MS_MAX = 5_000;
const SILENCE_MS_MAX = 30_000;

const RETRYABLE_NAMES = new Set([
  'InternalServerError',
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ServiceUnavailable',
  'ThrottlingException',
]);
const DENIED_NAMES = new Set([
  'AccessDeniedException',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'UnrecognizedClientException',
]);

/** The log table of that name, which must be there. The first request loads the SDK. */
export function dynamoDbLogTable(
  options: DynamoDbOptions,
  tools: { readonly clock: Clock; readonly random: Random },
): LogTable {
  return new DynamoDbLogTable(options, tools);
}

class DynamoDbLogTable implements LogTable {
  readonly name: string;
  readonly #options: DynamoDbOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  #client: Promise<DynamoDB> | null = null;

  constructor(options: DynamoDbOptions, tools: { readonly clock: Clock; readonly random: Random }) {
    this.name = options.table;
    this.#options = options;
    this.#clock = tools.clock;
    this.#random = tools.random;
  }

  async get({
    tablePath,
    fileName,
  }: Pick<LogEntry, 'tablePath' | 'fileName'>): Promise<LogEntry | null> {
    return this.#run(this.#call('getItem', fileName), async (client) => {
      const Key = { tablePath: { S: tablePath }, fileName: { S: fileName } };
      const { Item } = await client.getItem({ TableName: this.name, Key, ConsistentRead: true });
      return Item === undefined ? null : parseEntry(this.name, Item);
    });
  }

  async latest(tablePath: string): Promise<LogEntry | null> {
    return this.#run(this.#call('query', tablePath), async (client) => {
      const { Items = [] } = await client.query({
        TableName: this.name,
        ConsistentRead: true,
        ScanIndexForward: false,
        Limit: 1,
        KeyConditionExpression: 'tablePath = :tablePath',
        ExpressionAttributeValues: { ':tablePath': { S: tablePath } },
      });
      const [item] = Items;
      return item === undefined ? null : parseEntry(this.name, item);
    });
  }

  async create(entry: LogEntry): Promise<'written' | 'exists'> {
    const call = this.#call('putItem', entry.fileName);
    // One of the tries may arrive without its answer; what the last of them met says nothing of it.
    let isOpen = false;
    try {
      return await this.#run(call, async (client) => {
        try {
          await client.putItem({
            TableName: this.name,
            Item: printEntry(entry),
            ConditionExpression: 'attribute_not_exists(fileName)',
          });
          return 'written';
        } catch (error) {
          if (nameOf(error) === 'ConditionalCheckFailedException') return 'exists';
          isOpen ||= mayHaveArrived(error);
          throw error;
        }
      });
    } catch (error) {
      throw isOpen ? outcomeUnknown(call, error) : error;
    }
  }

  async replace(entry: LogEntry): Promise<void> {
    await this.#run(this.#call('putItem', entry.fileName), (client) =>
      client.putItem({ TableName: this.name, Item: printEntry(entry) }),
    );
  }

  async close(): Promise<void> {
    const client = await this.#client;
    this.#client = null;
    client?.destroy();
  }

  async #run<T>(call: StoreCall, request: (client: DynamoDB) => Promise<T>): Promise<T> {
    this.#client ??= connect(this.#options);
    const client = await this.#client;
    return retry(this.#clock, this.#random, RETRY, async () => {
      try {
        return await request(client);
      } catch (error) {
        throw translate(call, error);
      }
    });
  }

  #call(verb: string, path: string): StoreCall {
    return { verb, uri: `dynamodb:${this.name}`, path };
  }
}

async function connect(options: DynamoDbOptions): Promise<DynamoDB> {
  const { DynamoDB } = await import('@aws-sdk/client-dynamodb');
  const { env } = process;
  const endpoint = options.endpoint ?? env['AWS_ENDPOINT_URL_DYNAMODB'] ?? env['AWS_ENDPOINT_URL'];
  const region =
    options.region ??
    env['AWS_REGION'] ??
    env['AWS_DEFAULT_REGION'] ??
    (endpoint === undefined ? undefined : 'us-east-1');
  return new DynamoDB({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_MS_MAX, socketTimeout: SILENCE_MS_MAX },
  });
}

function translate(call: StoreCall, error: unknown): DeltaError {
  const name = nameOf(error);
  if (name === 'ResourceNotFoundException') return logTableMissing(call, error);
  if (RETRYABLE_NAMES.has(name)) return unavailable(call, error, true);
  if (DENIED_NAMES.has(name)) return denied(call, error);
  return s3Error(call, error);
}

/** `complete` is a text, and there is no `expireTime` before it is true. */
function printEntry(entry: LogEntry): Record<string, AttributeValue> {
  const { tablePath, fileName, tempPath, complete, expireTimeS } = entry;
  return {
    tablePath: { S: tablePath },
    fileName: { S: fileName },
    tempPath: { S: tempPath },
    complete: { S: String(complete) },
    ...(expireTimeS === null ? {} : { expireTime: { N: String(expireTimeS) } }),
  };
}

function parseEntry(table: string, item: Readonly<Record<string, AttributeValue>>): LogEntry {
  const [tablePath, fileName, tempPath, complete] = [
    item['tablePath']?.S,
    item['fileName']?.S,
    item['tempPath']?.S,
    item['complete']?.S,
  ];
  const expireTime = item['expireTime']?.N;
  if (
    tablePath === undefined ||
    fileName === undefined ||
    tempPath === undefined ||
    complete === undefined
  ) {
    throw logTableCorrupt(table, { tablePath: tablePath ?? '', fileName: fileName ?? '' });
  }
  return {
    tablePath,
    fileName,
    tempPath,
    complete: complete.toLowerCase() === 'true',
    expireTimeS: expireTime === undefined ? null : Number(expireTime),
  };
}
