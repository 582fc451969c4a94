import { once } from 'node:events';
import { createServer } from 'node:net';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import { type Catalog, glueCatalog } from '../../src/catalog/index.ts';
import { catalogContract } from './contract.ts';
import { days, NATIVE, partitionsOf, SYMLINK } from './examples.ts';
import { type FakeGlue, fakeGlue, serviceError } from './fake-glue.ts';

function catalogOver(glue: FakeGlue): Catalog {
  return glueCatalog({
    clock: new ManualClock(),
    random: seededRandom(3),
    connect: () => Promise.resolve(glue),
  });
}

catalogContract('Glue that pages', () =>
  Promise.resolve({
    catalog: catalogOver(fakeGlue()),
    database: 'sales',
    close: () => Promise.resolve(),
  }),
);

describe('the calls to Glue', () => {
  let glue: FakeGlue;
  let catalog: Catalog;
  const name = { database: 'sales', table: SYMLINK.Name };
  beforeEach(() => {
    glue = fakeGlue();
    catalog = catalogOver(glue);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  function callsSince(start: number): readonly string[] {
    return glue.calls.slice(start);
  }

  test('a current entry costs one read', async () => {
    await catalog.putTable('sales', NATIVE);
    const start = glue.calls.length;
    await catalog.putTable('sales', NATIVE);
    expect(callsSince(start)).toEqual(['getTable']);
  });

  test('partitions go in batches of 100 and leave in batches of 25, created before deleted', async () => {
    await catalog.putTable('sales', SYMLINK);
    await catalog.putPartitions(name, partitionsOf(days(201)));
    const start = glue.calls.length;
    await catalog.putPartitions(name, partitionsOf([...days(150), 'new']));
    const writes = callsSince(start).filter((call) => call !== 'getPartitions');
    expect(writes).toEqual([
      'batchCreatePartition',
      'batchDeletePartition',
      'batchDeletePartition',
      'batchDeletePartition',
    ]);
  });

  test('parameters that others set on a partition are kept by an update', async () => {
    await catalog.putTable('sales', SYMLINK);
    const [partition] = partitionsOf(['a']);
    if (partition === undefined) throw new Error('no partition');
    const { StorageDescriptor } = SYMLINK;
    await glue.batchCreatePartition({
      DatabaseName: 'sales',
      TableName: SYMLINK.Name,
      PartitionInputList: [
        {
          Values: ['a'],
          StorageDescriptor: {
            Location: 's3://elsewhere',
            InputFormat: StorageDescriptor.InputFormat,
          },
          Parameters: { numRows: '10' },
        },
      ],
    });
    expect(await catalog.putPartitions(name, [partition])).toMatchObject({ updated: 1 });
    const { Partitions } = await glue.getPartitions({
      DatabaseName: 'sales',
      TableName: SYMLINK.Name,
    });
    expect(Partitions?.[0]).toMatchObject({
      Parameters: { numRows: '10' },
      StorageDescriptor: { Location: partition.StorageDescriptor.Location },
    });
  });

  test('the owner of an entry is kept by an update', async () => {
    await catalog.putTable('sales', NATIVE);
    const input = { Name: NATIVE.Name, Owner: 'ana', Retention: 3 };
    const StorageDescriptor = { Location: 's3://lake/orders' };
    await glue.updateTable({
      DatabaseName: 'sales',
      TableInput: { ...input, StorageDescriptor },
      VersionId: '0',
    });
    expect(await catalog.putTable('sales', NATIVE)).toBe('updated');
    const { Table } = await glue.getTable({ DatabaseName: 'sales', Name: NATIVE.Name });
    expect(Table).toMatchObject({ Owner: 'ana', Retention: 3, VersionId: '2' });
  });

  test('a table that another writer creates or changes in between is read again', async () => {
    glue.failures.set('createTable', [serviceError('AlreadyExistsException')]);
    expect(await catalog.putTable('sales', NATIVE)).toBe('created');
    glue.failures.set('updateTable', [serviceError('ConcurrentModificationException')]);
    expect(await catalog.putTable('sales', { ...NATIVE, Description: 'new' })).toBe('updated');
  });

  test('a writer that always loses ends with CATALOG_CONFLICT', async () => {
    await catalog.putTable('sales', NATIVE);
    const lost = Array.from({ length: 100 }, () => serviceError('ConcurrentModificationException'));
    glue.failures.set('updateTable', lost);
    await expect(
      catalog.putTable('sales', { ...NATIVE, Description: 'new' }),
    ).rejects.toMatchObject({ code: 'CATALOG_CONFLICT', kind: 'conflict' });
  });

  test('partitions that the service refuses are named; the others are there', async () => {
    await catalog.putTable('sales', SYMLINK);
    glue.refusedValues.add('bad');
    await expect(
      catalog.putPartitions(name, partitionsOf(['a', 'bad', 'b'])),
    ).rejects.toMatchObject({
      code: 'CATALOG_PARTITIONS_REFUSED',
      message: expect.stringContaining('(bad): InvalidInputException'),
    });
    expect(await catalog.putPartitions(name, partitionsOf(['a', 'b']))).toMatchObject({
      created: 0,
    });
  });

  test('an outage is waited for; one that lasts is CATALOG_UNAVAILABLE', async () => {
    await catalog.putTable('sales', NATIVE);
    const brokenConnection = Object.assign(new Error('read'), { code: 'ECONNRESET' });
    glue.failures.set('getTable', [
      serviceError('ThrottlingException'),
      serviceError('InternalServiceException', 'server'),
      serviceError('TimeoutError'),
      brokenConnection,
    ]);
    expect(await catalog.putTable('sales', NATIVE)).toBe('unchanged');
    glue.failures.set(
      'getTable',
      Array.from({ length: 100 }, () => brokenConnection),
    );
    await expect(catalog.getTable(name)).rejects.toMatchObject({
      code: 'CATALOG_UNAVAILABLE',
      kind: 'unavailable',
      retryable: true,
    });
  });

  test.each(['127.0.0.1', 'localhost'])(
    'nothing listens at %s: one try, one line',
    async (host) => {
      const server = createServer().listen(0);
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close();
      await once(server, 'close');
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
      const sleep = (): Promise<void> => Promise.reject(new Error('there is no second try'));
      const real = glueCatalog({
        clock: { now: () => 0, sleep },
        random: seededRandom(3),
        region: 'us-east-1',
        endpoint: `http://${host}:${String(port)}`,
      });
      await expect(real.getTable(name)).rejects.toMatchObject({
        code: 'CATALOG_NO_ENDPOINT',
        message: expect.stringMatching(/^no catalog answers: [^\n]*ECONNREFUSED[^\n]*; check/),
      });
    },
  );

  test('rights, requests and regions that are wrong are not tried again', async () => {
    const cases = [
      [serviceError('AccessDeniedException'), 'CATALOG_DENIED'],
      [serviceError('UnrecognizedClientException'), 'CATALOG_DENIED'],
      [serviceError('CredentialsProviderError'), 'CATALOG_DENIED'],
      [serviceError('InvalidInputException'), 'CATALOG_REFUSED'],
      [new Error('Region is missing'), 'CATALOG_NO_REGION'],
    ] as const;
    for (const [error, code] of cases) {
      glue.failures.set('getTable', [error]);
      const start = glue.calls.length;
      await expect(catalog.getTable(name)).rejects.toMatchObject({ code, kind: 'invalid' });
      expect(callsSince(start)).toEqual(['getTable']);
    }
  });
});
