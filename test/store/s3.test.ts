import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import { type ObjectStore, s3Store } from '../../src/store/index.ts';
import { all, bytes, text } from './contract.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const CREATE = { kind: 'create' } as const;

let server: Server;
let answers: Answer[] = [];
let requests: string[] = [];
let store: ObjectStore;

/** A server on this machine that gives the planned answers one after the other, and the last one for ever. */
beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      requests.push(`${request.method} ${request.headers['if-none-match'] ?? ''}`.trim());
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      answer?.(request, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  store = storeAt(`http://127.0.0.1:${port}`);
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

test('a conditional write whose answer is lost is sent once and reported as unknown', async () => {
  for (const lost of [hangUp, status(500, 'InternalError'), status(503, 'ServiceUnavailable')]) {
    requests = [];
    answers = [lost, status(412, 'PreconditionFailed')];
    await expect(store.put('a', bytes('x'), CREATE)).rejects.toMatchObject({
      code: 'STORE_OUTCOME_UNKNOWN',
      retryable: false,
    });
    expect(requests).toEqual(['PUT *']);
  }
});

test('a conditional write that met another at the same moment is sent again', async () => {
  answers = [status(409, 'ConditionalRequestConflict'), status(412, 'PreconditionFailed')];
  expect(await store.put('a', bytes('x'), CREATE)).toEqual({ kind: 'exists' });
  answers = [status(409, 'ConditionalRequestConflict'), written];
  expect(await store.put('a', bytes('x'), CREATE)).toEqual({ kind: 'written', etag: '"e"' });
});

test('an update of an object that is gone is a mismatch', async () => {
  answers = [status(404, 'NoSuchKey')];
  const update = { kind: 'update', etag: '"e"' } as const;
  expect(await store.put('a', bytes('x'), update)).toEqual({ kind: 'mismatch' });
});

test('other requests are repeated until they succeed', async () => {
  const found: Answer = (_, response) => {
    response.writeHead(200, { etag: '"e"', 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' });
    response.end('content');
  };
  answers = [status(503, 'SlowDown'), hangUp, status(500, 'InternalError'), tornBody, found];
  expect(text((await store.get('a')).bytes)).toBe('content');
  expect(requests).toHaveLength(5);
  answers = [hangUp, status(503, 'SlowDown'), written];
  expect(await store.put('a', bytes('x'), { kind: 'overwrite' })).toMatchObject({
    kind: 'written',
  });
});

test('repetition ends, with the last error', async () => {
  answers = [status(503, 'SlowDown')];
  await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(requests.length).toBeGreaterThan(2);
});

test('what cannot succeed is not repeated, and named by its code', async () => {
  const cases = [
    [status(403, 'AccessDenied'), 'STORE_DENIED'],
    [status(403, 'InvalidAccessKeyId'), 'STORE_DENIED'],
    [status(400, 'ExpiredToken'), 'STORE_DENIED'],
    [status(404, 'NoSuchBucket'), 'STORE_NO_BUCKET'],
    [status(404, 'NoSuchKey'), 'STORE_NOT_FOUND'],
    [status(501, 'NotImplemented'), 'STORE_UNSUPPORTED'],
  ] as const;
  for (const [answer, code] of cases) {
    requests = [];
    answers = [answer];
    await expect(store.get('a')).rejects.toMatchObject({ code });
    await expect(store.put('a', bytes('x'), CREATE)).rejects.toMatchObject({ code });
    expect(requests).toHaveLength(2);
  }
});

test('a server that is not there is STORE_NO_ENDPOINT, also for a conditional write', async () => {
  const nowhere = storeAt('http://127.0.0.1:1');
  const expected = { code: 'STORE_NO_ENDPOINT', kind: 'unavailable' };
  await expect(nowhere.put('a', bytes('x'), CREATE)).rejects.toMatchObject(expected);
  await expect(all(nowhere, '')).rejects.toMatchObject(expected);
  await expect(all(storeAt('http://no-such-host.invalid'), '')).rejects.toMatchObject(expected);
});

test('a server that keeps silent does not hold a commit for ever', async () => {
  answers = [() => undefined];
  await expect(store.put('a', bytes('x'), CREATE)).rejects.toMatchObject({
    code: 'STORE_OUTCOME_UNKNOWN',
  });
});

function storeAt(endpoint: string): ObjectStore {
  return s3Store({
    bucket: 'bucket',
    prefix: 'a b',
    clock: new ManualClock(),
    random: seededRandom(1),
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    silenceMsMax: 300,
  });
}

function hangUp(request: IncomingMessage): void {
  request.socket.destroy();
}

function tornBody(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '100', etag: '"e"' });
  response.write('half', () => request.socket.destroy());
}

function written(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { etag: '"e"' });
  response.end();
}

function status(code: number, name: string): Answer {
  return (_, response) => {
    response.writeHead(code, { 'content-type': 'application/xml' });
    response.end(`<Error><Code>${name}</Code><Message>planned</Message></Error>`);
  };
}
