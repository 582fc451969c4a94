import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';

import { AnswerRoom, BrokerConnection } from '../../../src/stream/kafka/broker-connection.ts';
import { AnswerReader, RequestWriter } from '../../../src/stream/kafka/wire.ts';

const API = { key: 3, version: 8 };
const OPTIONS = { clientId: 'test', tls: null };
const open: (Server | BrokerConnection)[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

interface Request {
  readonly number: number;
  readonly body: Buffer;
}

/** A broker that hands each whole request to `onRequest`. */
async function broker(
  onRequest: (socket: Socket, request: Request) => void,
): Promise<BrokerConnection> {
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
        const reader = new AnswerReader(bytes.subarray(4, 4 + bytes.readInt32BE(0)));
        expect([reader.int16(), reader.int16()]).toEqual([API.key, API.version]);
        const number = reader.int32();
        expect(reader.text()).toBe('test');
        onRequest(socket, { number, body: reader.bytes() });
        bytes = bytes.subarray(4 + bytes.readInt32BE(0));
      }
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  const { port } = server.address() as AddressInfo;
  const connection = await BrokerConnection.open({ host: '127.0.0.1', port }, OPTIONS);
  open.push(connection);
  return connection;
}

function answer(number: number, body: Buffer): Buffer {
  return Buffer.concat([
    new RequestWriter()
      .int32(body.length + 4)
      .int32(number)
      .finish(),
    body,
  ]);
}

function body(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([new RequestWriter().int32(bytes.length).finish(), bytes]);
}

describe('answers', () => {
  test.each([1, 2, 3, 7, 8, 9, 100])('come whole in pieces of %d bytes', async (size) => {
    const connection = await broker((socket, { number, body: asked }) => {
      const all = answer(number, Buffer.concat([asked, asked]));
      for (let at = 0; at < all.length; at += size) socket.write(all.subarray(at, at + size));
    });
    const room = new AnswerRoom();
    for (const text of ['first', 'the second one', '']) {
      const answered = await connection.request({ api: API, body: body(text), room });
      expect(answered.toString()).toBe(text + text);
    }
  });

  test('go each to its request, into the room that it has', async () => {
    const asked: Request[] = [];
    const connection = await broker((socket, request) => {
      asked.push(request);
      if (asked.length === 3) {
        const all = asked.map(({ number, body: text }) => answer(number, text));
        socket.write(Buffer.concat(all));
      }
    });
    const [first, third] = [new AnswerRoom(), new AnswerRoom()];
    const answers = await Promise.all([
      connection.request({ api: API, body: body('one'), room: first }),
      connection.request({ api: API, body: body('two') }),
      connection.request({ api: API, body: body('three'), room: third }),
    ]);
    expect(answers.map(String)).toEqual(['one', 'two', 'three']);
    expect(third.take(5).toString()).toBe('three');
  });

  test('larger than what is received at once come whole', async () => {
    const large = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 251));
    const connection = await broker((socket, { number }) => socket.write(answer(number, large)));
    const answered = await connection.request({ api: API, body: body('') });
    expect(answered.equals(large)).toBe(true);
  });
});

describe('what waits for an answer fails', () => {
  test('where the broker goes away', async () => {
    const connection = await broker((socket) => socket.destroy());
    const asking = connection.request({ api: API, body: body('') });
    await expect(asking).rejects.toMatchObject({ code: 'CONNECTION_BROKEN' });
    expect(connection.isOpen).toBe(false);
    await expect(connection.request({ api: API, body: body('') })).rejects.toThrow('closed');
  });

  test.each([
    ['of another request', (number: number) => answer(number + 1, body('')), 'not asked'],
    ['of no size', () => Buffer.alloc(8), 'not asked'],
    ['of a size that none has', () => Buffer.from('7fffffff00000001', 'hex'), 'not asked'],
    ['that is an alert of TLS', () => Buffer.from('15030300020246', 'hex'), 'requires TLS'],
  ])('where one comes %s', async (_, bytes, text) => {
    const connection = await broker((socket, { number }) => socket.write(bytes(number)));
    await expect(connection.request({ api: API, body: body('') })).rejects.toThrow(text);
  });

  test('where the connection is closed', async () => {
    const connection = await broker(() => void connection.close());
    await expect(connection.request({ api: API, body: body('') })).rejects.toThrow('closed');
  });
});

test('a retired connection answers what was asked, and takes no more', async () => {
  const connection = await broker((socket, { number, body: text }) => {
    connection.retire();
    socket.write(answer(number, text));
  });
  const answered = await connection.request({ api: API, body: body('last') });
  expect(answered.toString()).toBe('last');
  await expect(connection.request({ api: API, body: body('') })).rejects.toThrow('closed');
});
