/**
 * Commits through DynamoDB, on real servers: S3 as in `store-s3.test.ts`, and DynamoDB at `AWS_ENDPOINT_URL_DYNAMODB` or
 * `AWS_ENDPOINT_URL`. The log table and the bucket it makes are removed.
 */

import type { AttributeValue, DynamoDB } from '@aws-sdk/client-dynamodb';
import type { S3 } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import {
  coordinationOf,
  type DynamoDbOptions,
  type ObjectStore,
  storeProvider,
} from '../../src/store/index.ts';
import {
  DeltaTable,
  examine,
  tableContext,
  type TableTools,
  tableTools,
} from '../../src/table/index.ts';
import { paths } from '../store/contract.ts';

const name = `deltawright-${systemRandom.uuid()}`;
const tools = { clock: systemClock, random: systemRandom };
const provider = storeProvider(tools);
const SCHEMA = 'escritor int, n int';
let s3: S3;
let dynamo: DynamoDB;
let tableCount = 0;

beforeAll(async () => {
  const { env } = process;
  const [{ S3 }, { DynamoDB }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/client-dynamodb'),
  ]);
  const region = env['AWS_REGION'] ?? 'us-east-1';
  const endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  s3 = new S3({ region, ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }) });
  dynamo = new DynamoDB({ region });
  await s3.createBucket({ Bucket: name });
  // As Spark makes it.
  await dynamo.createTable({
    TableName: name,
    AttributeDefinitions: [
      { AttributeName: 'tablePath', AttributeType: 'S' },
      { AttributeName: 'fileName', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'tablePath', KeyType: 'HASH' },
      { AttributeName: 'fileName', KeyType: 'RANGE' },
    ],
    ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 5 },
  });
});

afterAll(async () => {
  const store = provider.open(`s3://${name}`);
  await store.delete(await paths(store, '', { recursive: true }));
  await s3.deleteBucket({ Bucket: name });
  await dynamo.deleteTable({ TableName: name });
  s3.destroy();
  dynamo.destroy();
  await provider.close();
});

function writer(dynamoDb: Partial<DynamoDbOptions> = {}): TableTools {
  return tableTools({ ...tools, dynamoDb: { table: name, ...dynamoDb } });
}

function freshUri(): string {
  tableCount += 1;
  return `s3://${name}/lago é/tabela ${tableCount}`;
}

async function itemsOf(uri: string): Promise<Record<string, AttributeValue>[]> {
  const { Items = [] } = await dynamo.query({
    TableName: name,
    ConsistentRead: true,
    KeyConditionExpression: 'tablePath = :t',
    ExpressionAttributeValues: { ':t': { S: uri.replace('s3:', 's3a:') } },
  });
  return Items;
}

function fileName(version: number): string {
  return `${String(version).padStart(20, '0')}.json`;
}

async function text(store: ObjectStore, path: string): Promise<string> {
  return new TextDecoder().decode((await store.get(path)).bytes);
}

test('four writers append side by side, and no commit is lost or written over', async () => {
  const uri = freshUri();
  const writers = Array.from({ length: 4 }, () => writer());
  const [first] = writers;
  if (first === undefined) throw new Error('no writer');
  await DeltaTable.create(first, uri, { schema: SCHEMA });
  const versions = await Promise.all(
    writers.map(async (own, escritor) => {
      const table = await DeltaTable.open(own, uri);
      const committed: number[] = [];
      for (let n = 0; n < 8; n += 1) {
        committed.push((await table.append({ rows: [{ escritor, n }] })).version);
      }
      return committed;
    }),
  );
  expect(versions.flat().sort((a, b) => a - b)).toEqual(
    Array.from({ length: 32 }, (_, i) => i + 1),
  );
  const reader = tableTools(tools);
  const table = await DeltaTable.open(reader, uri);
  const rows = await Array.fromAsync(table.scan());
  expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(32);

  const store = provider.open(uri);
  const items = await itemsOf(uri);
  expect(items.map((item) => item['fileName']?.S)).toEqual(
    Array.from({ length: 33 }, (_, version) => fileName(version)),
  );
  for (const item of items) {
    const [file, temp] = [item['fileName']?.S ?? '', item['tempPath']?.S ?? ''];
    expect(await text(store, `_delta_log/${file}`)).toBe(await text(store, `_delta_log/${temp}`));
  }
  // The winner's file alone is kept of each version.
  expect(await paths(store, '_delta_log/.tmp')).toHaveLength(33);
  await Promise.all([...writers, reader].map((it) => it.close()));
});

test('an entry is what Spark writes, field by field', async () => {
  const uri = freshUri();
  const own = writer();
  const beforeS = Math.floor(Date.now() / 1000);
  await DeltaTable.create(own, uri, { schema: SCHEMA });
  const [item, ...more] = await itemsOf(uri);
  expect(more).toEqual([]);
  expect(item).toEqual({
    tablePath: { S: `s3a://${name}/lago é/tabela ${tableCount}` },
    fileName: { S: '00000000000000000000.json' },
    tempPath: {
      S: expect.stringMatching(
        /^\.tmp\/00000000000000000000\.json\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      ),
    },
    complete: { S: 'true' },
    expireTime: { N: expect.stringMatching(/^\d+$/) },
  });
  const expireS = Number(item?.['expireTime']?.N) - 86_400;
  expect(expireS - beforeS).toBeGreaterThanOrEqual(0);
  expect(expireS - beforeS).toBeLessThan(60);
  await own.close();
});

test('a commit that Spark left half done is finished, and appended to', async () => {
  const uri = freshUri();
  const own = writer();
  const table = await DeltaTable.create(own, uri, { schema: SCHEMA });
  const store = provider.open(uri);
  const tempPath = `.tmp/${fileName(1)}.${systemRandom.uuid()}`;
  const commit = `{"commitInfo":{"timestamp":1,"operation":"WRITE","engineInfo":"Apache-Spark/4.0"}}\n`;
  await store.put(`_delta_log/${tempPath}`, new TextEncoder().encode(commit), {
    kind: 'overwrite',
  });
  const tablePath = uri.replace('s3:', 's3a:');
  await dynamo.putItem({
    TableName: name,
    Item: {
      tablePath: { S: tablePath },
      fileName: { S: fileName(1) },
      tempPath: { S: tempPath },
      complete: { S: 'false' },
    },
  });
  expect((await table.append({ rows: [{ escritor: 1, n: 1 }] })).version).toBe(2);
  expect(await text(store, `_delta_log/${fileName(1)}`)).toBe(commit);
  const items = await itemsOf(uri);
  expect(items.map((item) => item['complete']?.S)).toEqual(['true', 'true', 'true']);
  await own.close();
});

test('both ways on one table, and two spellings of it, are refused', async () => {
  const uri = freshUri();
  const own = writer();
  await DeltaTable.create(own, uri, { schema: SCHEMA });
  const guarded = writer({ use: 'guard' });
  const table = await DeltaTable.open(guarded, uri);
  const append = { rows: [{ escritor: 1, n: 1 }] };
  await expect(table.append(append)).rejects.toMatchObject({
    code: 'COMMIT_COORDINATED',
    details: { logTable: name },
  });
  const other = writer({ scheme: 's3' });
  const spelled = await DeltaTable.open(other, uri);
  await expect(spelled.append(append)).rejects.toMatchObject({ code: 'LOG_TABLE_SPELLING' });
  expect(coordinationOf(other.openStore(uri))?.tablePath).toBe(uri);
  await Promise.all([own, guarded, other].map((it) => it.close()));
});

test('the doctor says how the table is committed to, and finishes what is half done when told to', async () => {
  const uri = freshUri();
  const own = writer();
  const table = await DeltaTable.create(own, uri, { schema: SCHEMA });
  await table.append({ rows: [{ escritor: 1, n: 1 }] });
  const context = tableContext(own, own.openStore(uri));
  expect(await examine(context)).toMatchObject({ version: 1, commitWay: 'dynamodb', findings: [] });
  const store = provider.open(uri);
  const tempPath = `.tmp/${fileName(2)}.${systemRandom.uuid()}`;
  const commit = '{"commitInfo":{"operation":"WRITE","engineInfo":"Apache-Spark/4.0"}}\n';
  await store.put(`_delta_log/${tempPath}`, new TextEncoder().encode(commit), {
    kind: 'overwrite',
  });
  await dynamo.putItem({
    TableName: name,
    Item: {
      tablePath: { S: uri.replace('s3:', 's3a:') },
      fileName: { S: fileName(2) },
      tempPath: { S: tempPath },
      complete: { S: 'false' },
    },
  });
  const found = await examine(context);
  expect(found).toMatchObject({ version: 1, findings: [{ code: 'COMMIT_HALF_DONE' }] });
  const mended = await examine(context, { repair: true });
  expect(mended).toMatchObject({ version: 2, findings: [{ repair: { kind: 'done' } }] });
  expect((await examine(context)).findings).toEqual([]);
  // By conditional PUT the same table is one that Spark may write over.
  const past = tableTools(tools);
  const seen = await examine(tableContext(past, past.openStore(uri)));
  expect(seen).toMatchObject({
    commitWay: 'conditional-put',
    findings: [{ code: 'MIXED_WRITERS', details: { version: 2 } }],
  });
  await Promise.all([own, past].map((it) => it.close()));
});

test('a log table that is not there is named', async () => {
  const own = writer({ table: 'nenhuma' });
  await expect(DeltaTable.create(own, freshUri(), { schema: SCHEMA })).rejects.toMatchObject({
    code: 'LOG_TABLE_MISSING',
  });
  await own.close();
});
