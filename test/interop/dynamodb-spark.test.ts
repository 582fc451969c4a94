/**
 * One table on S3 whose commits a DynamoDB table decides, written by Spark with its `S3DynamoDBLogStore` and by processes of ours
 * at once; what one of them leaves half done the other finishes. Servers as in `dynamodb.test.ts`;
 * skipped where Spark's log store could not be had.
 */

import type { DynamoDB } from '@aws-sdk/client-dynamodb';
import type { S3 } from '@aws-sdk/client-s3';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { createTable, type DeltaTable, openTable } from '../../src/index.ts';
import { storeProvider } from '../../src/store/index.ts';
import { Gate } from './dynamodb/gate.ts';
import { type EngineProcess, startSpark } from './engines.ts';

const run = promisify(execFile);
const name = `deltawright-${systemRandom.uuid()}`;
const folder = mkdtempSync(join(tmpdir(), 'dynamodb-spark-'));
const { env } = process;
const region = 'us-east-1';
const s3Endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'] ?? '';
const dynamoEndpoint = env['AWS_ENDPOINT_URL_DYNAMODB'] ?? env['AWS_ENDPOINT_URL'] ?? '';
const provider = storeProvider({ clock: systemClock, random: systemRandom });
let gate: Gate;
let dynamoGate: Gate;
let spark: EngineProcess;
let s3: S3;
let dynamo: DynamoDB;
let tableCount = 0;

/**
 * The log store takes no endpoint: where DynamoDB is, the SDK is told as for a region of its own, and it speaks TLS to it
 * in any case.
 */
function sparkOptions(): Readonly<Record<string, string>> {
  const regions = join(folder, 'regions.xml');
  writeFileSync(
    regions,
    `<XML><Regions><Region><Name>${region}</Name><Domain>amazonaws.com</Domain><Endpoint>
     <ServiceName>dynamodb</ServiceName><Http>false</Http><Https>true</Https><Hostname>${dynamoGate.host}</Hostname>
     </Endpoint></Region></Regions></XML>`,
  );
  const store = 'io.delta.storage.S3DynamoDBLogStore';
  const settings = {
    'spark.delta.logStore.s3a.impl': store,
    [`spark.${store}.ddb.tableName`]: name,
    [`spark.${store}.ddb.region`]: region,
    'spark.hadoop.fs.s3a.endpoint': `http://${gate.host}`,
    'spark.hadoop.fs.s3a.endpoint.region': region,
    'spark.hadoop.fs.s3a.path.style.access': 'true',
    'spark.hadoop.fs.s3a.connection.ssl.enabled': 'false',
    'spark.hadoop.fs.s3a.access.key': env['AWS_ACCESS_KEY_ID'] ?? '',
    'spark.hadoop.fs.s3a.secret.key': env['AWS_SECRET_ACCESS_KEY'] ?? '',
    'spark.hadoop.fs.s3a.aws.credentials.provider':
      'org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider',
  };
  return {
    SPARK_ARGS: Object.entries(settings)
      .map(([key, value]) => `--conf ${key}=${value}`)
      .join(' '),
    JAVA_TOOL_OPTIONS: `-Dcom.amazonaws.regions.RegionUtils.fileOverride=${regions} -Dcom.amazonaws.sdk.disableCertChecking=true`,
  };
}

/** A certificate that nobody vouches for. */
async function identity(): Promise<{ readonly key: string; readonly cert: string }> {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-days', '2', '-nodes'];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    ...subject,
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

function freshUri(): string {
  tableCount += 1;
  return `s3://${name}/lago é/tabela ${tableCount}`;
}

function sparkUri(uri: string): string {
  return uri.replace('s3:', 's3a:');
}

/** Runs Python in Spark's session with the table as `uri`. */
async function bySpark(uri: string, program: string): Promise<unknown> {
  const source = `uri = ${JSON.stringify(sparkUri(uri))}\n${program}`;
  return (await spark.ask({ op: 'program', source }))['answer'];
}

function append(writer: string, n: number): string {
  return `spark.createDataFrame([("${writer}", ${n})], "escritor string, n int").coalesce(1).write.format("delta").mode("append").save(uri)\n`;
}

function fileName(version: number): string {
  return `${String(version).padStart(20, '0')}.json`;
}

/** `complete` of each entry, by rising versions; the file of each is its temporary one. */
async function entriesOf(uri: string): Promise<readonly string[]> {
  const { Items = [] } = await dynamo.query({
    TableName: name,
    ConsistentRead: true,
    KeyConditionExpression: 'tablePath = :t',
    ExpressionAttributeValues: { ':t': { S: sparkUri(uri) } },
  });
  const store = provider.open(uri);
  const text = async (path: string): Promise<string> =>
    new TextDecoder().decode((await store.get(`_delta_log/${path}`)).bytes);
  expect(Items.map((item) => item['fileName']?.S)).toEqual(Items.map((_, i) => fileName(i)));
  for (const { fileName: file, tempPath, complete } of Items) {
    if (complete?.S === 'true')
      expect(await text(file?.S ?? '')).toBe(await text(tempPath?.S ?? ''));
  }
  return Items.map((item) => item['complete']?.S ?? '');
}

async function rowsOf(table: DeltaTable): Promise<readonly string[]> {
  const rows = await Array.fromAsync(table.scan());
  return rows.map(({ escritor, n }) => JSON.stringify([escritor, n])).toSorted();
}

async function sparkRows(uri: string): Promise<readonly string[]> {
  const program = 'answer = [list(it) for it in spark.read.format("delta").load(uri).collect()]';
  const rows = await bySpark(uri, program);
  return Array.isArray(rows) ? rows.map((row) => JSON.stringify(row)).toSorted() : [];
}

describe.skipIf(env['SPARK_S3_MISSING'] === 'true')('Spark with its log store for DynamoDB', () => {
  beforeAll(async () => {
    const [{ S3 }, { DynamoDB }] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/client-dynamodb'),
    ]);
    gate = await Gate.open(s3Endpoint);
    dynamoGate = await Gate.open(dynamoEndpoint, await identity());
    s3 = new S3({ region, endpoint: s3Endpoint, forcePathStyle: true });
    dynamo = new DynamoDB({ region });
    await s3.createBucket({ Bucket: name });
    spark = await startSpark(['--with-s3'], sparkOptions());
  });

  afterAll(async () => {
    await spark.stop();
    // S3A leaves empty objects for folders, which go after what is in them.
    const { Contents = [] } = await s3.listObjectsV2({ Bucket: name });
    for (const Key of Contents.map((it) => it.Key ?? '')
      .toSorted()
      .toReversed()) {
      await s3.deleteObject({ Bucket: name, Key });
    }
    await s3.deleteBucket({ Bucket: name });
    await dynamo.deleteTable({ TableName: name });
    s3.destroy();
    dynamo.destroy();
    await Promise.all([provider.close(), gate.close(), dynamoGate.close()]);
    rmSync(folder, { recursive: true });
  });

  test('Spark and two processes of ours commit at once, and no commit is lost or written over', async () => {
    const uri = freshUri();
    const commits = 10;
    await bySpark(uri, append('spark', -1));
    const script = new URL('dynamodb/writer.ts', import.meta.url).pathname;
    const ours = ['um', 'dois'].map((writer) =>
      run(process.execPath, [script, uri, name, writer, String(commits)], {
        env: { ...env, AWS_REGION: region },
      }),
    );
    const theirs = bySpark(
      uri,
      Array.from({ length: commits }, (_, n) => append('spark', n)).join(''),
    );
    await Promise.all([theirs, ...ours]);
    const table = await openTable(uri);
    expect(table.snapshot.version).toBe(3 * commits);
    const wanted = ['spark', 'um', 'dois'].flatMap((writer) =>
      Array.from({ length: commits }, (_, n) => JSON.stringify([writer, n])),
    );
    expect(await rowsOf(table)).toEqual([...wanted, '["spark",-1]'].toSorted());
    expect(await sparkRows(uri)).toEqual(await rowsOf(table));
    expect(await entriesOf(uri)).toEqual(Array.from({ length: 3 * commits + 1 }, () => 'true'));
    await table.close();
  });

  test('a commit that Spark left half done is finished by us', async () => {
    const uri = freshUri();
    const own = { dynamoDb: { table: name } };
    const table = await createTable(uri, { schema: 'escritor string, n int' }, own);
    await bySpark(uri, append('spark', 1));
    // Spark has committed, cannot say so in the log, and fails at looking at what it did.
    await gate.shutFor(/_delta_log\/0{19}2\.json$/, async () => {
      await bySpark(uri, append('spark', 2)).catch((error: unknown) => error);
      expect(gate.deniedCount).toBeGreaterThan(0);
    });
    expect(await entriesOf(uri)).toEqual(['true', 'true', 'false']);
    expect((await table.append({ rows: [{ escritor: 'nós', n: 3 }] })).version).toBe(3);
    expect(await entriesOf(uri)).toEqual(['true', 'true', 'true', 'true']);
    expect(await rowsOf(table)).toEqual(['["nós",3]', '["spark",1]', '["spark",2]']);
    expect(await sparkRows(uri)).toEqual(await rowsOf(table));
    await table.close();
  });

  test('a commit that we left half done is finished by Spark, whether it reads or writes', async () => {
    const uri = freshUri();
    const own = { dynamoDb: { table: name }, s3: { endpoint: `http://${gate.host}` } };
    const table = await createTable(uri, { schema: 'escritor string, n int' }, own);
    await table.append({ rows: [{ escritor: 'nós', n: 1 }] });
    await gate.shutFor(/_delta_log\/0{19}2\.json$/, async () => {
      await table.append({ rows: [{ escritor: 'nós', n: 2 }] }).catch((error: unknown) => error);
      expect(gate.deniedCount).toBeGreaterThan(0);
    });
    expect(await entriesOf(uri)).toEqual(['true', 'true', 'false']);
    expect(await sparkRows(uri)).toEqual(['["nós",1]', '["nós",2]']);
    expect(await entriesOf(uri)).toEqual(['true', 'true', 'true']);
    await table.refresh();
    await gate.shutFor(/_delta_log\/0{19}3\.json$/, async () => {
      await table.append({ rows: [{ escritor: 'nós', n: 3 }] }).catch((error: unknown) => error);
    });
    await bySpark(uri, append('spark', 4));
    expect(await entriesOf(uri)).toEqual(['true', 'true', 'true', 'true', 'true']);
    const reopened = await openTable(uri, own);
    expect(await rowsOf(reopened)).toEqual(['["nós",1]', '["nós",2]', '["nós",3]', '["spark",4]']);
    await Promise.all([table.close(), reopened.close()]);
  });
});
