/**
 * A connection to one broker: requests go out as they come, and answers come back in the same order (Kafka's protocol guide,
 * "Network"):
 *
 *     request: size int32 | api key int16 | version int16 | number int32 | client text | tags | body
 *     answer:  size int32 | number int32 | tags | body
 *
 * What arrives is read into memory that is used again, and copied once, to where its request wants it: an answer of records
 * is a megabyte, and one that the collector has to find would cost more than it takes to read it.
 */

import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { RequestWriter } from './wire.ts';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface SocketOptions {
  readonly clientId: string;
  /** Null for none. */
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    /** Default: the host. */
    readonly serverName?: string;
  } | null;
}

export interface BrokerRequest {
  /** Of the API, and the version of it that the request is written in. */
  readonly api: { readonly key: number; readonly version: number };
  readonly body: Buffer;
  /** Whether the heads of request and answer have tagged fields, of which none are sent. Default: neither. */
  readonly tagged?: { readonly request: boolean; readonly answer: boolean };
  /** What the answer is put into; default: memory of its own. */
  readonly room?: AnswerRoom;
}

/** Memory for one answer after another. */
export class AnswerRoom {
  #bytes = Buffer.alloc(0);

  /** So many bytes, whatever they hold; valid until the next call. */
  take(sizeBytes: number): Buffer {
    if (this.#bytes.length < sizeBytes) this.#bytes = Buffer.allocUnsafeSlow(sizeBytes);
    return this.#bytes.subarray(0, sizeBytes);
  }
}

/** No answer came, and none will: whether the request was heard of is not known. */
export class ConnectionBroken extends Error {
  readonly code = 'CONNECTION_BROKEN';
}

const CONNECT_TIMEOUT_MS = 10_000;
/** A broker that owes an answer and is silent for so long is taken for gone. */
const SILENCE_MS_MAX = 30_000;
const RECEIVE_BYTES = 256 * 1024;
const HEAD_BYTES = 8;
/** More than a broker would send: an answer is as large as what was asked for, or as the largest batch of records. */
const ANSWER_BYTES_MAX = 2 ** 28;
/** How an alert or a handshake of TLS begins; as the size of an answer it would be too large. */
const TLS_STARTS = new Set([0x1503, 0x1603]);

interface Waiting {
  readonly request: BrokerRequest;
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (error: Error) => void;
}

export class BrokerConnection {
  readonly #socket: Socket;
  readonly #clientId: string;
  readonly #closed = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;
  #isConnected = false;
  /** Whether it ends with its last answer. */
  #isRetired = false;
  #failure: Error | null = null;
  /** The head of the answer that is coming in, and then its bytes. */
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #answer: Buffer | null = null;
  #answerBytes = 0;

  /** Throws what the network or TLS says. */
  static async open(address: BrokerAddress, options: SocketOptions): Promise<BrokerConnection> {
    const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
    const connection = new BrokerConnection(address, options, resolve);
    void connection.#closed.promise.then(() => reject(connection.#reason()));
    await connected;
    connection.#isConnected = true;
    connection.#socket.setTimeout(SILENCE_MS_MAX);
    return connection;
  }

  private constructor(
    { host, port }: BrokerAddress,
    { clientId, tls }: SocketOptions,
    onConnected: () => void,
  ) {
    this.#clientId = clientId;
    const memory = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
    const onread = {
      buffer: memory,
      callback: (count: number): boolean => {
        this.#receive(memory.subarray(0, count));
        return true;
      },
    };
    const options = { host, port, onread, noDelay: true, timeout: CONNECT_TIMEOUT_MS };
    // Server Name Indication: brokers behind one address tell their certificates apart by it.
    this.#socket =
      tls === null
        ? connectPlain(options, onConnected)
        : connectTls(
            { ...options, ...tls, servername: tls.serverName ?? nameOf(host) },
            onConnected,
          );
    this.#socket
      .on('timeout', () => this.#onSilence())
      .on('error', (error) => {
        this.#failure ??= error;
      })
      .once('close', () => this.#onClose());
  }

  /** Whether it takes requests. */
  get isOpen(): boolean {
    return !this.#isRetired && this.#socket.writable;
  }

  /** The body of the answer; in the request's room, where it has one. Throws what the network says, `ConnectionBroken`. */
  request(request: BrokerRequest): Promise<Buffer> {
    if (!this.isOpen) return Promise.reject(this.#reason());
    this.#number = (this.#number + 1) & 0x7fff_ffff;
    const number = this.#number;
    const { api, body, tagged } = request;
    const head = new RequestWriter()
      .int32(0)
      .int16(api.key)
      .int16(api.version)
      .int32(number)
      .text(this.#clientId);
    if (tagged?.request === true) head.int8(0);
    const bytes = Buffer.concat([head.finish(), body]);
    bytes.writeInt32BE(bytes.length - 4, 0);
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { request, resolve, reject });
      this.#socket.write(bytes);
    });
  }

  /** Takes no more requests, and ends with the answer to the last one. */
  retire(): void {
    this.#isRetired = true;
    if (this.#waiting.size === 0) this.#socket.destroy();
  }

  /** What waits for an answer fails. */
  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#closed.promise;
  }

  #receive(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#socket.destroyed) {
      if (this.#answer === null) {
        const copied = bytes.copy(this.#head, this.#headBytes, at);
        at += copied;
        this.#headBytes += copied;
        // An alert may be all that comes.
        if (this.#headBytes >= 2 && TLS_STARTS.has(this.#head.readUInt16BE(0))) {
          this.#socket.destroy(new ConnectionBroken('the broker requires TLS'));
        } else if (this.#headBytes === HEAD_BYTES) this.#begin();
      } else {
        const copied = bytes.copy(this.#answer, this.#answerBytes, at);
        at += copied;
        this.#answerBytes += copied;
      }
      if (this.#answer !== null && this.#answerBytes === this.#answer.length)
        this.#end(this.#answer);
    }
  }

  #begin(): void {
    const sizeBytes = this.#head.readInt32BE(0) - 4;
    const waiting = this.#waiting.get(this.#head.readInt32BE(4));
    if (waiting === undefined || sizeBytes < 0 || sizeBytes > ANSWER_BYTES_MAX) {
      this.#socket.destroy(new ConnectionBroken('the broker answered what was not asked'));
      return;
    }
    this.#answer = waiting.request.room?.take(sizeBytes) ?? Buffer.allocUnsafe(sizeBytes);
    this.#answerBytes = 0;
  }

  #end(answer: Buffer): void {
    const number = this.#head.readInt32BE(4);
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    this.#answer = null;
    this.#headBytes = 0;
    waiting?.resolve(answer.subarray(waiting.request.tagged?.answer === true ? 1 : 0));
    if (this.#isRetired && this.#waiting.size === 0) this.#socket.destroy();
  }

  #onSilence(): void {
    if (!this.#isConnected) {
      this.#socket.destroy(new ConnectionBroken('the broker could not be reached in time'));
    } else if (this.#waiting.size > 0) {
      this.#socket.destroy(new ConnectionBroken('the broker did not answer in time'));
    }
  }

  #onClose(): void {
    this.#closed.resolve();
    const reason = this.#reason();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }

  #reason(): Error {
    return this.#failure ?? new ConnectionBroken('the connection was closed');
  }
}

/** An address is no name: a certificate's addresses are compared with the host. */
function nameOf(host: string): string {
  return isIP(host) === 0 ? host : '';
}
