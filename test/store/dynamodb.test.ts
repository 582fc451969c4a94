import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, test } from 'vitest';

import { seededRandom, systemClock } from '../../src/base/index.ts';
import { dynamoDbLogTable } from '../../src/store/dynamodb.ts';

const ENTRY = {
  tablePath: 's3a://bucket/t',
  fileName: '00000000000000000001.json',
  tempPath: '.tmp/00000000000000000001.json.a',
  complete: false,
  expireTimeS: null,
};

test('an entry whose first answer was lost stays open, though the next try is refused', async () => {
  let requestCount = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      requestCount += 1;
      if (requestCount === 1) return request.destroy();
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
      return response.end('{"__type":"ExpiredTokenException"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  const table = dynamoDbLogTable(
    {
      table: 'delta_log',
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    },
    { clock: systemClock, random: seededRandom(1) },
  );
  try {
    await expect(table.create(ENTRY)).rejects.toMatchObject({ code: 'STORE_OUTCOME_UNKNOWN' });
    // Of one that was refused at once it is known that nothing was put.
    await expect(table.create(ENTRY)).rejects.toMatchObject({ code: 'STORE_DENIED' });
  } finally {
    await table.close();
    server.close();
  }
});
