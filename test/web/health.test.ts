import { createServer } from 'node:net';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { ManualClock } from '../../src/base/index.ts';
import { type HealthServer, RunMetrics, serveHealth } from '../../src/web/index.ts';
import { reportOf } from './reports.ts';

const START = '2023-11-14T22:13:20.000Z';

let clock: ManualClock;
let metrics: RunMetrics;
let server: HealthServer;
beforeEach(async () => {
  clock = new ManualClock(Date.parse(START));
  metrics = await RunMetrics.open(['capturar', 'somar'], { clock, stalledMs: 60_000 });
  server = await serveHealth(metrics, { port: 0 });
});
afterEach(() => server.close());

async function health(): Promise<{ readonly code: number; readonly body: unknown }> {
  const response = await fetch(`${server.url}/health`);
  expect(response.headers.get('content-type')).toBe('application/json');
  return { code: response.status, body: await response.json() };
}

test('jobs are starting until they look for something, and running after', async () => {
  clock.advance(1000);
  metrics.report(reportOf('capturar', { backlog: 7 }));
  expect(await health()).toEqual({
    code: 200,
    body: {
      status: 'ok',
      jobs: [
        {
          job: 'capturar',
          state: 'running',
          lastReport: '2023-11-14T22:13:21.000Z',
          backlog: 7,
        },
        { job: 'somar', state: 'starting', lastReport: null, backlog: 0 },
      ],
    },
  });
});

test('a job that is silent for too long is stalled, also one that never began, and running when it reports', async () => {
  metrics.report(reportOf('capturar'));
  clock.advance(60_000);
  expect(await health()).toMatchObject({ code: 200 });
  clock.advance(1);
  metrics.report(reportOf('capturar'));
  expect(await health()).toMatchObject({
    code: 503,
    body: { status: 'failing', jobs: [{ state: 'running' }, { state: 'stalled' }] },
  });
  metrics.report(reportOf('somar'));
  expect(await health()).toMatchObject({ code: 200 });
});

test('a job that ended with an error is failed, whatever it reported', async () => {
  metrics.report(reportOf('somar'));
  metrics.failed('somar');
  expect(await health()).toMatchObject({
    code: 503,
    body: { status: 'failing', jobs: [{ state: 'starting' }, { state: 'failed' }] },
  });
});

test('metrics are in the text format, and other paths are not there', async () => {
  const response = await fetch(`${server.url}/metrics?x=1`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=/);
  expect(await response.text()).toContain('# HELP deltawright_backlog');
  expect((await fetch(server.url)).status).toBe(404);
});

test('it answers on this machine alone unless told otherwise, and no more when it is closed', async () => {
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const other = await serveHealth(metrics, { port: 0, host: '::1' });
  expect(other.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  await other.close();
  await expect(fetch(other.url)).rejects.toThrow('fetch failed');
});

test('a port that is taken is refused by its number', async () => {
  const holder = createServer();
  const port = await new Promise<number>((resolve) => {
    holder.listen(0, '127.0.0.1', () => {
      const address = holder.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  await expect(serveHealth(metrics, { port })).rejects.toMatchObject({
    kind: 'invalid',
    code: 'PORT_UNAVAILABLE',
    details: { host: '127.0.0.1', port },
  });
  await new Promise((resolve) => holder.close(resolve));
});
