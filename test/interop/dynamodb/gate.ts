/**
 * A door before a server of AWS's protocols: one for S3 can be shut for some files, so that who puts one is denied, as where a
 * key is missing; one for a client that speaks TLS only takes that off.
 */

import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const DENIED =
  '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>shut</Message></Error>';

/** A key and its certificate, in PEM. */
interface Identity {
  readonly key: string;
  readonly cert: string;
}

export class Gate {
  readonly #server: Server;
  readonly #target: URL;
  #shut: RegExp | null = null;
  /** Puts that were denied since it was shut. */
  deniedCount = 0;

  private constructor(target: string, tls: Identity | null) {
    this.#target = new URL(target);
    const pass = (request: IncomingMessage, response: ServerResponse): void =>
      this.#pass(request, response);
    this.#server = tls === null ? createServer(pass) : createTlsServer(tls, pass);
  }

  /** Before the server at `target`, on a free port of this machine; with `tls` it speaks nothing else. */
  static async open(target: string, tls: Identity | null = null): Promise<Gate> {
    const gate = new Gate(target, tls);
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Denies puts whose path ends so, until `work` is done. */
  async shutFor<T>(files: RegExp, work: () => Promise<T>): Promise<T> {
    this.#shut = files;
    this.deniedCount = 0;
    try {
      return await work();
    } finally {
      this.#shut = null;
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Signed requests stay valid: method, path and headers, the host among them, go on as they are. */
  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = incoming;
    const [path = ''] = url.split('?');
    if (method === 'PUT' && this.#shut?.test(path) === true) {
      this.deniedCount += 1;
      incoming.resume();
      response.writeHead(403, { 'content-type': 'application/xml' }).end(DENIED);
      return;
    }
    const { hostname, port } = this.#target;
    const onward = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    incoming.pipe(onward);
  }
}
