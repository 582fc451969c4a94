/** The numbers and texts that Kafka's requests and answers are made of (its protocol guide, "Protocol Primitive Types"). */

const TWO_32 = 0x1_0000_0000;
const BYTES_MIN = 256;

/** The body of a request, piece by piece. */
export class RequestWriter {
  #bytes = Buffer.alloc(BYTES_MIN);
  #end = 0;

  int8(value: number): this {
    this.#end = this.#room(1).writeInt8(value, this.#end);
    return this;
  }

  int16(value: number): this {
    this.#end = this.#room(2).writeInt16BE(value, this.#end);
    return this;
  }

  int32(value: number): this {
    this.#end = this.#room(4).writeInt32BE(value, this.#end);
    return this;
  }

  /** A safe integer. */
  int64(value: number): this {
    this.#end = this.#room(8).writeBigInt64BE(BigInt(value), this.#end);
    return this;
  }

  text(value: string | null): this {
    if (value === null) return this.int16(-1);
    const bytes = Buffer.from(value, 'utf8');
    this.int16(bytes.length);
    this.#end += bytes.copy(this.#room(bytes.length), this.#end);
    return this;
  }

  texts(values: readonly string[] | null): this {
    this.int32(values?.length ?? -1);
    for (const value of values ?? []) this.text(value);
    return this;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  #room(sizeBytes: number): Buffer {
    if (this.#end + sizeBytes > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length + sizeBytes)]);
    }
    return this.#bytes;
  }
}

/** The body of an answer. Throws a RangeError where it ends before what is asked for. */
export class AnswerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#pass(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#pass(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#pass(4));
  }

  /** Offsets and times of any real log fit a double. */
  int64(): number {
    const at = this.#pass(8);
    return this.#bytes.readInt32BE(at) * TWO_32 + this.#bytes.readUInt32BE(at + 4);
  }

  bigint64(): bigint {
    return this.#bytes.readBigInt64BE(this.#pass(8));
  }

  text(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.#take(length).toString('utf8');
  }

  /** A view; empty for null. */
  bytes(): Buffer {
    return this.#take(Math.max(0, this.int32()));
  }

  /** What `read` makes of each entry; none for null. */
  list<T>(read: () => T): T[] {
    const count = this.int32();
    const entries: T[] = [];
    for (let index = 0; index < count; index += 1) entries.push(read());
    return entries;
  }

  #take(length: number): Buffer {
    const start = this.#pass(length);
    if (this.#at > this.#bytes.length) throw new RangeError('an answer ends too early');
    return this.#bytes.subarray(start, this.#at);
  }

  #pass(sizeBytes: number): number {
    const at = this.#at;
    this.#at += sizeBytes;
    return at;
  }
}
