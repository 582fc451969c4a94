/** Jobs that run until they are stopped: what they say, and how they end. */

import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { describe, expect, test } from 'vitest';

import { CONFIG, deltawright, jsonLines, launch, withFolder } from './command.ts';

interface LogLine {
  readonly msg: string;
  readonly time: string;
  readonly [member: string]: unknown;
}

function linesOf(text: string): LogLine[] {
  return jsonLines(text) as LogLine[];
}

async function putOrders(folder: string, names: readonly string[]): Promise<void> {
  await mkdir(join(folder, 'entrada'), { recursive: true });
  for (const name of names) {
    const line = JSON.stringify({ id: name.charCodeAt(0), cliente: name });
    await writeFile(join(folder, 'entrada', `${name}.jsonl`), `${line}\n`);
  }
}

/** Calls `onLine` with each line that the process prints, until it ends. */
async function follow(
  { child, ended }: ReturnType<typeof launch>,
  onLine: (line: LogLine) => void | Promise<void>,
): ReturnType<typeof deltawright> {
  for await (const line of createInterface(child.stdout)) await onLine(JSON.parse(line) as LogLine);
  return ended;
}

test('it takes what comes, tells it in lines of JSON and over HTTP, and ends in good order', async () => {
  await withFolder(async (folder) => {
    await putOrders(folder, ['a']);
    const running = launch(folder, ['run', 'pedidos', '--every', '0.1', '--health', '0']);
    let url = '';
    let health: unknown = null;
    let metrics = '';
    const outcome = await follow(running, async (line) => {
      const told = line['url'];
      if (typeof told === 'string') url = told;
      if (line.msg !== 'batch') return;
      if (line['batch'] === 0) await putOrders(folder, ['b', 'c']);
      // They may come as two batches, and the second while it ends.
      else if (metrics === '') {
        health = await (await fetch(`${url}/health`)).json();
        metrics = await (await fetch(`${url}/metrics`)).text();
        running.child.kill('SIGTERM');
      }
    });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const lines = linesOf(outcome.stdout);
    expect(lines.map(({ msg }) => msg).slice(0, 2)).toEqual([
      'serving /health and /metrics',
      'started',
    ]);
    for (const { time } of lines) expect(new Date(time).toISOString()).toBe(time);
    expect(lines[2]).toMatchObject({
      job: 'pedidos',
      batch: 0,
      files: 1,
      rowsIn: 1,
      inserted: 1,
      backlog: 0,
      version: 1,
    });
    const last = lines.at(-1);
    expect(last).toMatchObject({ msg: 'stopped', job: 'pedidos', inserted: 3 });
    expect(health).toMatchObject({ status: 'ok', jobs: [{ job: 'pedidos', state: 'running' }] });
    expect(metrics).toMatch(/^deltawright_inserted_total\{job="pedidos"\} [23]$/m);
    await expect(fetch(`${url}/health`)).rejects.toThrow('fetch failed');
  });
});

test('a signal lets the batch that is under way finish, and no other begin', async () => {
  await withFolder(async (folder) => {
    await writeFile(
      join(folder, 'deltawright.config.ts'),
      CONFIG.replace("kind: 'files',", "kind: 'files', maxFilesPerBatch: 1,"),
    );
    await putOrders(folder, ['a', 'b', 'c']);
    const running = launch(folder, ['run', 'pedidos', '--continuous', '--grace', '50']);
    const outcome = await follow(running, ({ msg }) => {
      if (msg === 'started') running.child.kill('SIGINT');
    });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(linesOf(outcome.stdout).map((line) => [line.msg, line['batches'] ?? null])).toEqual([
      ['started', null],
      ['batch', null],
      ['stopped', 1],
    ]);
    const rest = await deltawright(folder, ['run', 'pedidos', '--json']);
    expect(jsonLines(rest.stdout)).toMatchObject([{ batches: 2, inserted: 2 }]);
  });
});

test('the first job that fails ends the others in good order, with its exit code', async () => {
  await withFolder(async (folder) => {
    const strict = CONFIG.replace('pedidos: {', 'estrito: {\n      strict: true,').replace(
      /table: '\w+', virtualTable: '\w+'/,
      "table: 'estrito'",
    );
    const job = /estrito: \{[^]*?\n {4}\},/.exec(strict)?.[0] ?? '';
    await writeFile(
      join(folder, 'deltawright.config.ts'),
      CONFIG.replace('jobs: {', `jobs: {\n    ${job}`),
    );
    await putOrders(folder, ['a']);
    const running = launch(folder, ['run', 'pedidos', 'estrito', '--every', '0.1']);
    const outcome = await follow(running, async ({ msg }) => {
      if (msg === 'batch') await writeFile(join(folder, 'entrada', 'ruim.jsonl'), '{"id":null}\n');
    });
    expect(outcome.code).toBe(3);
    expect(outcome.stderr).toMatch(/^deltawright: JOB_REJECTED: .*\n$/);
    const ends = linesOf(outcome.stdout).filter(({ msg }) => msg === 'stopped' || msg === 'failed');
    expect(ends).toMatchObject([
      { msg: 'failed', job: 'estrito' },
      { msg: 'stopped', job: 'pedidos' },
    ]);
  });
});

describe('a job that cannot go on', () => {
  /** Takes connections, and says nothing. */
  async function withSilentBroker(
    use: (port: number, server: Server) => Promise<void>,
  ): Promise<void> {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    try {
      await use(port, server);
    } finally {
      server.close();
    }
  }

  test('is ended at once by a second signal', async () => {
    await withSilentBroker(async (port, server) => {
      await withFolder(async (folder) => {
        const kafka = `kafka: { brokers: '127.0.0.1:${String(port)}' },\n  jobs: {`;
        const source = `source: { kind: 'kafka', topics: ['t'], value: { format: 'raw' } },`;
        await writeFile(
          join(folder, 'deltawright.config.ts'),
          CONFIG.replace('jobs: {', kafka)
            .replace(/source: .*/, source)
            .replace(/ *(keys|dropDuplicates): .*\n/g, ''),
        );
        const { child, ended } = launch(folder, ['run', 'pedidos', '--every=1', '--grace=600']);
        let again: NodeJS.Timeout | undefined;
        server.once('connection', () => {
          // The second one counts when the process has seen the first.
          again = setInterval(() => child.kill('SIGTERM'), 50);
        });
        expect(await ended).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' });
        clearInterval(again);
      });
    });
  });

  test('is refused before it begins where its port is taken', async () => {
    await withSilentBroker(async (port) => {
      await withFolder(async (folder) => {
        const health = `127.0.0.1:${String(port)}`;
        const outcome = await deltawright(folder, [
          'run',
          'pedidos',
          '--every=1',
          '--health',
          health,
        ]);
        expect(outcome).toMatchObject({ code: 2, stdout: '' });
        expect(outcome.stderr).toMatch(/^deltawright: PORT_UNAVAILABLE: .*port=\d+\]\n$/);
      });
    });
  });
});
