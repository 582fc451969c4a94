import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openRegistry, type SchemaRegistry } from '../../src/avro/index.ts';
import type { RegistryOptions } from '../../src/avro/index.ts';
import { type JsonValue, ManualClock, seededRandom, systemRandom } from '../../src/base/index.ts';
import { describeRegistry } from './registry-contract.ts';

interface Seen {
  readonly request: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** The answers of a registry at `/base/path`, in the words of Confluent's. */
const ANSWERS: Readonly<Record<string, [status: number, body: JsonValue]>> = {
  'GET /schemas/ids/1': [
    200,
    {
      schema: '{"type":"record","name":"A","fields":[{"name":"b","type":"x.B"}]}',
      references: [{ name: 'x.B', subject: 'b-value', version: 3 }],
    },
  ],
  'GET /subjects/b-value/versions/3': [
    200,
    {
      subject: 'b-value',
      version: 3,
      id: 7,
      schema: '{"type":"enum","name":"x.B","symbols":["S"]}',
    },
  ],
  'GET /schemas/ids/2': [404, { error_code: 40403, message: 'Schema not found' }],
  'GET /schemas/ids/3': [200, { schema: 'syntax = "proto3";', schemaType: 'PROTOBUF' }],
  'GET /schemas/ids/4': [401, { error_code: 40101, message: 'who are you?' }],
  'GET /schemas/ids/5': [500, { error_code: 50001, message: 'no store' }],
  'GET /schemas/ids/6': [200, 'hello'],
  'GET /schemas/ids/7': [
    200,
    { schema: '{"type":"record","name":"A","fields":[{"name":"a","type":"A"}]}' },
  ],
  'GET /schemas/ids/8': [
    200,
    { schema: '"x.C"', references: [{ name: 'x.C', subject: 'gone', version: 1 }] },
  ],
  'GET /subjects/gone/versions/1': [404, { error_code: 40401, message: 'Subject not found' }],
  'POST /subjects/s-value/versions': [
    409,
    { error_code: 409, message: 'Schema being registered is incompatible' },
  ],
  'POST /subjects/t-value/versions': [422, { error_code: 42201, message: 'Invalid schema' }],
  'POST /subjects/s-value': [404, { error_code: 40403, message: 'Schema not found' }],
};

const seen: Seen[] = [];
/** Answers before the ones above, in turn; null breaks the connection. */
let first: (number | null)[] = [];

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
  const path = `${request.method ?? ''} ${(request.url ?? '').replace('/base/path', '')}`;
  seen.push({ request: path, authorization: request.headers.authorization, body });
  const status = first.shift();
  if (status === null) {
    request.socket.destroy();
    return;
  }
  const known = ANSWERS[path];
  response.writeHead(status ?? known?.[0] ?? 404, { 'content-type': 'application/json' });
  response.end(known === undefined ? '<html>' : JSON.stringify(known[1]));
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => response.destroy(error as Error));
});
let url = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address === 'object' && address !== null) {
    url = `http://127.0.0.1:${String(address.port)}/base/path`;
  }
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  seen.length = 0;
  first = [];
});

const clock = new ManualClock();
const open = (options: Partial<RegistryOptions> = {}): SchemaRegistry =>
  openRegistry({ url, clock, random: seededRandom(1), ...options });

async function failure(work: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('it did not fail');
}

describe('a registry by HTTP', () => {
  it('is asked once for an id, below the path of its address, with all references', async () => {
    const registry = open({ url: `${url}/` });
    const [schema, again] = await Promise.all([registry.schemaById(1), registry.schemaById(1)]);
    expect(schema).toBe(again);
    expect(schema).toMatchObject({ fields: [{ type: { kind: 'enum', name: 'x.B' } }] });
    expect(seen.map(({ request }) => request)).toEqual([
      'GET /schemas/ids/1',
      'GET /subjects/b-value/versions/3',
    ]);
    expect(registry.name).toBe(url);
  });

  it.each([
    [2, 'REGISTRY_UNKNOWN_ID'],
    [3, 'REGISTRY_NOT_AVRO'],
    [4, 'REGISTRY_DENIED'],
    [5, 'REGISTRY_UNAVAILABLE'],
    [6, 'REGISTRY_BAD_ANSWER'],
    [7, 'AVRO_RECURSIVE'],
    [8, 'REGISTRY_UNKNOWN_SUBJECT'],
    [9, 'REGISTRY_BAD_ANSWER'],
  ])('answers for id %i with %s', async (id, code) => {
    expect((await failure(open().schemaById(id))).code).toBe(code);
  });

  it('says why it does not take a schema', async () => {
    const incompatible = await failure(open().register('s-value', '"int"'));
    expect(incompatible).toMatchObject({ code: 'REGISTRY_INCOMPATIBLE' });
    expect(incompatible.message).toContain('incompatible');
    const bad = await failure(open().register('t-value', '"int"'));
    expect(bad.code).toBe('REGISTRY_BAD_SCHEMA');
    expect(await open().lookup('s-value', '"int"')).toBeNull();
    expect(JSON.parse(seen.at(-1)?.body ?? '')).toEqual({ schema: '"int"' });
  });

  it('is asked again when it fails for a moment, and not without end', async () => {
    first = [503, 429, null];
    expect(await open().schemaById(1)).toMatchObject({ name: 'A' });
    expect(seen.filter(({ request }) => request.endsWith('/1')).length).toBe(4);
    seen.length = 0;
    expect((await failure(open().schemaById(5))).code).toBe('REGISTRY_UNAVAILABLE');
    expect(seen.length).toBe(4);
  });

  it('is asked for an unknown id again only after a while', async () => {
    const registry = open();
    const ask = async (): Promise<string | undefined> =>
      (await failure(registry.schemaById(2))).code;
    expect([await ask(), await ask()]).toEqual(['REGISTRY_UNKNOWN_ID', 'REGISTRY_UNKNOWN_ID']);
    expect(seen.length).toBe(1);
    clock.advance(10_000);
    expect([await ask(), seen.length]).toEqual(['REGISTRY_UNKNOWN_ID', 2]);
  });

  it('gets the credentials, which no message holds', async () => {
    const [secret, port] = ['s3cr%3At', new URL(url).port];
    const withUser = `http://user:${secret}@127.0.0.1:${port}/base/path`;
    const basic = `Basic ${Buffer.from('user:s3cr:t').toString('base64')}`;
    for (const options of [
      { url: withUser },
      { auth: { kind: 'basic', username: 'user', password: 's3cr:t' } },
      { auth: { kind: 'bearer', token: 's3cr:t' } },
    ] as const) {
      const error = await failure(open(options).schemaById(4));
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/s3cr/);
    }
    const bearer = 'Bearer s3cr:t';
    expect(seen.map(({ authorization }) => authorization)).toEqual([basic, basic, bearer]);
    expect(open({ url: withUser }).name).toBe(url);
  });

  it('that does not answer is given up on', async () => {
    const quiet = createServer();
    await new Promise<void>((resolve) => quiet.listen(0, '127.0.0.1', resolve));
    const address = quiet.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const registry = open({ url: `http://127.0.0.1:${String(port)}`, timeoutMs: 30 });
    expect((await failure(registry.schemaById(1))).code).toBe('REGISTRY_UNAVAILABLE');
    quiet.closeAllConnections();
    await new Promise((resolve) => quiet.close(resolve));
    expect((await failure(registry.schemaById(1))).code).toBe('REGISTRY_UNAVAILABLE');
  });

  it('is not waited for by a caller who has left', async () => {
    const reason = new Error('enough');
    await expect(open().latest('x', AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it.each(['nowhere', 'ftp://host/', 'http://host/?key=1', 'http://a:%zz@host/'])(
    'is not opened at %s',
    (address) => {
      expect(() => open({ url: address })).toThrow(
        expect.objectContaining({ code: 'REGISTRY_BAD_URL' }),
      );
    },
  );
});

describe('a registry of files', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-'));
    return () => rm(folder, { recursive: true });
  });
  const opened = (): SchemaRegistry =>
    open({ url: pathToFileURL(folder).href, random: systemRandom });

  describeRegistry(() => Promise.resolve(opened()));

  it('holds the answers at the paths of the API', async () => {
    await opened().register('t-value', '"int"');
    const files = await readdir(folder, { recursive: true });
    expect(files.filter((file) => file.endsWith('.json')).sort()).toEqual([
      'schemas/ids/1.json',
      'subjects/t-value/versions/1.json',
    ]);
    const version = await readFile(join(folder, 'subjects/t-value/versions/1.json'), 'utf8');
    expect(JSON.parse(version)).toEqual({ subject: 't-value', version: 1, id: 1, schema: '"int"' });
  });

  it('gives each schema an id of its own, however many register at once', async () => {
    const texts = Array.from({ length: 8 }, (_, index) =>
      JSON.stringify({ type: 'fixed', name: 'f', size: index }),
    );
    const ids = await Promise.all(texts.map((text) => opened().register('s', text)));
    expect(new Set(ids).size).toBe(texts.length);
    for (const [index, id] of ids.entries()) {
      expect(await opened().schemaById(id)).toMatchObject({ sizeBytes: index });
    }
  });

  it('takes no schema that is none', async () => {
    expect((await failure(opened().register('s', '"nothing"'))).code).toBe('AVRO_BAD_SCHEMA');
    expect(await readdir(folder)).toEqual([]);
  });
});
