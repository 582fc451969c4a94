/** The one client for S3 that many stores share: loaded at the first request, and the place where requests are repeated. */

import type { S3 } from '@aws-sdk/client-s3';

import { type Clock, type Random, retry } from '../base/index.ts';
import type { StoreCall } from './errors.ts';
import { conditionalWriteError, s3Error } from './s3-errors.ts';

export interface S3Options {
  /** The server's URL; then buckets stand in the path. Default `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, AWS itself. */
  readonly endpoint?: string;
  /** Default `AWS_REGION`, `AWS_DEFAULT_REGION`, the AWS configuration file; `us-east-1` with an endpoint. */
  readonly region?: string;
  /** Default: AWS's own chain (environment, files, container, instance). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** How long a connection may keep silent before its request counts as lost. Default 30 s. */
  readonly silenceMsMax?: number;
}

const CONNECT_MS_MAX = 5_000;
const SILENCE_MS_MAX = 30_000;
const SOCKETS_MAX = 256;
const RETRY = { attemptsMax: 6, delayMsMin: 100, delayMsMax: 5_000 };

export class S3Connection {
  readonly #options: S3Options;
  readonly #clock: Clock;
  readonly #random: Random;
  #client: Promise<S3> | null = null;

  constructor(options: S3Options, tools: { readonly clock: Clock; readonly random: Random }) {
    this.#options = options;
    this.#clock = tools.clock;
    this.#random = tools.random;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Runs a request that may be done twice; repeated while its error is retryable. */
  async repeatable<T>(
    call: StoreCall,
    request: (s3: S3, attempt: number) => Promise<T>,
  ): Promise<T> {
    return this.#run((error) => s3Error(call, error), request);
  }

  /** Runs a conditional write; repeated only where the server has said that it did nothing. */
  async conditional<T>(call: StoreCall, request: (s3: S3) => Promise<T>): Promise<T> {
    return this.#run((error) => conditionalWriteError(call, error), request);
  }

  /** Lets go of idle sockets. The connection opens again with the next request. */
  async close(): Promise<void> {
    const client = await this.#client;
    this.#client = null;
    client?.destroy();
  }

  async #run<T>(
    translate: (error: unknown) => Error,
    request: (s3: S3, attempt: number) => Promise<T>,
  ): Promise<T> {
    this.#client ??= connect(this.#options);
    const s3 = await this.#client;
    return retry(this.#clock, this.#random, RETRY, async (attempt) => {
      try {
        return await request(s3, attempt);
      } catch (error) {
        throw translate(error);
      }
    });
  }
}

async function connect(options: S3Options): Promise<S3> {
  const { S3 } = await import('@aws-sdk/client-s3');
  const { env } = process;
  const endpoint = options.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  const region =
    options.region ??
    env['AWS_REGION'] ??
    env['AWS_DEFAULT_REGION'] ??
    (endpoint === undefined ? undefined : 'us-east-1');
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX };
  return new S3({
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(region === undefined ? {} : { region }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    // The SDK's own repetitions would turn a conditional write whose answer was lost into a race lost to itself.
    maxAttempts: 1,
    followRegionRedirects: true,
    requestHandler: {
      connectionTimeout: CONNECT_MS_MAX,
      socketTimeout: options.silenceMsMax ?? SILENCE_MS_MAX,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
}
