/** A small server for whoever watches over a long run: `/health` and `/metrics`. */

import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { DeltaError, messageOf } from '../base/index.ts';
import type { RunMetrics } from './metrics.ts';

export interface ServeOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** Default 127.0.0.1: nobody else's business unless it is said so. */
  readonly host?: string;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `/health`: 200 where every job is well, else 503, with the state of each as JSON; and `/metrics`, for Prometheus.
 * Errors: `PORT_UNAVAILABLE`.
 */
export async function serveHealth(
  metrics: RunMetrics,
  { port, host = '127.0.0.1' }: ServeOptions,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    answer(metrics, request.url ?? '/', response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(messageOf(error)));
    });
  });
  await listen(server, port, host);
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(metrics: RunMetrics, url: string, response: ServerResponse): Promise<void> {
  const path = url.split('?')[0];
  if (path === '/health') {
    const jobs = metrics.health();
    const isWell = jobs.every(({ state }) => state === 'running' || state === 'starting');
    response.writeHead(isWell ? 200 : 503, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify({ status: isWell ? 'ok' : 'failing', jobs })}\n`);
  } else if (path === '/metrics') {
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': metrics.contentType });
    response.end(text);
  } else {
    response.writeHead(404, { 'content-type': 'text/plain' });
    response.end('there are /health and /metrics\n');
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new DeltaError({
          kind: 'invalid',
          code: 'PORT_UNAVAILABLE',
          message: `health cannot be served there: ${error.message}`,
          details: { host, port },
          cause: error,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
}
