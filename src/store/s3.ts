/** A store on S3 or a server that speaks its protocol, with conditional PUT as the commit's put-if-absent. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type Clock, makeTempFolder, present, type Random } from '../base/index.ts';
import { type CopySource, download, pinned } from './copy.ts';
import type { StoreCall } from './errors.ts';
import { checkPath, checkPrefix, joinPath } from './paths.ts';
import { S3Connection, type S3Options } from './s3-connection.ts';
import { nameOf, s3Error, statusOf } from './s3-errors.ts';
import { copyInParts, type S3Location, uploadFile } from './s3-upload.ts';
import type {
  ByteRange,
  ListOptions,
  ObjectContent,
  ObjectMeta,
  ObjectStore,
  PutMode,
  PutResult,
  StorePath,
} from './types.ts';
import { unwrapped } from './wrapped.ts';

export interface S3StoreOptions extends S3Options {
  readonly bucket: string;
  /** The root inside the bucket, without slashes at its ends; `''` for all of it. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Most bytes that one CopyObject request copies. */
const ONE_COPY_BYTES_MAX = 5 * 1024 ** 3;
/** Most keys of one DeleteObjects request. */
const DELETE_KEYS_MAX = 1000;

/** A store with a client of its own; `storeProvider` shares one between many. The first request loads the SDK. */
export function s3Store(options: S3StoreOptions): ObjectStore {
  const { bucket, prefix } = options;
  return s3StoreOn(new S3Connection(options, options), { bucket, prefix });
}

/** A store on a client that others use too. */
export function s3StoreOn(
  connection: S3Connection,
  root: { readonly bucket: string; readonly prefix: StorePath },
): ObjectStore {
  checkPrefix(root.prefix);
  return new S3Store(connection, root.bucket, root.prefix);
}

class S3Store implements ObjectStore {
  readonly uri: string;
  readonly #connection: S3Connection;
  readonly #bucket: string;
  readonly #prefix: StorePath;

  constructor(connection: S3Connection, bucket: string, prefix: StorePath) {
    this.#connection = connection;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.uri = joinPath(`s3://${bucket}`, prefix);
  }

  async get(path: StorePath): Promise<ObjectContent> {
    const at = this.#locate(path);
    return this.#connection.repeatable(this.#call('get', path), async (s3) => {
      const got = await s3.getObject(at);
      const bytes = await present(got.Body, 'body of an object').transformToByteArray();
      return { bytes, meta: metaOf(path, { ...got, ContentLength: bytes.length }) };
    });
  }

  async getRange(path: StorePath, range: ByteRange): Promise<Uint8Array> {
    const at = this.#locate(path);
    if (range.end <= range.start) return new Uint8Array();
    const Range = `bytes=${range.start}-${range.end - 1}`;
    return this.#connection.repeatable(this.#call('getRange', path), async (s3) => {
      try {
        const { Body } = await s3.getObject({ ...at, Range });
        return await present(Body, 'body of a range').transformToByteArray();
      } catch (error) {
        // The range begins at or beyond the end of the object.
        if (statusOf(error) === 416) return new Uint8Array();
        throw error;
      }
    });
  }

  async head(path: StorePath): Promise<ObjectMeta | null> {
    const at = this.#locate(path);
    return this.#connection.repeatable(this.#call('head', path), async (s3) => {
      try {
        return metaOf(path, await s3.headObject(at));
      } catch (error) {
        if (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket') return null;
        throw error;
      }
    });
  }

  async put(path: StorePath, bytes: Uint8Array, mode: PutMode): Promise<PutResult> {
    const object = { ...this.#locate(path), Body: bytes };
    const call = this.#call('put', path);
    if (mode.kind === 'overwrite') {
      const { ETag } = await this.#connection.repeatable(call, (s3) => s3.putObject(object));
      return { kind: 'written', etag: present(ETag, 'ETag of a put') };
    }
    const condition = mode.kind === 'create' ? { IfNoneMatch: '*' } : { IfMatch: mode.etag };
    return this.#connection.conditional(call, async (s3): Promise<PutResult> => {
      try {
        const { ETag } = await s3.putObject({ ...object, ...condition });
        return { kind: 'written', etag: present(ETag, 'ETag of a put') };
      } catch (error) {
        const status = statusOf(error);
        if (status === 412) return { kind: mode.kind === 'create' ? 'exists' : 'mismatch' };
        if (mode.kind === 'update' && nameOf(error) === 'NoSuchKey') return { kind: 'mismatch' };
        throw error;
      }
    });
  }

  async putFile(path: StorePath, write: (localFile: string) => Promise<void>): Promise<ObjectMeta> {
    const to = this.#locate(path);
    const folder = await makeTempFolder();
    try {
      const localFile = join(folder, 'object');
      await write(localFile);
      return await this.#upload('putFile', path, { to, localFile });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async copyFrom(source: CopySource, path: StorePath): Promise<ObjectMeta> {
    const to = this.#locate(path);
    const store = unwrapped(source.store);
    if (store instanceof S3Store && store.#connection === this.#connection) {
      const { sizeBytes } = await pinned({ ...source, store });
      return this.#copyOnServer(path, { from: store.#locate(source.path), sizeBytes, source });
    }
    const localFile = source.store.localFile(source.path);
    if (localFile === null) return this.putFile(path, (file) => download(source, file));
    await pinned(source);
    const meta = await this.#upload('copyFrom', path, { to, localFile });
    try {
      await pinned(source);
    } catch (error) {
      await this.delete([path]);
      throw error;
    }
    return meta;
  }

  async *list(prefix: StorePath, options: ListOptions = {}): AsyncGenerator<ObjectMeta> {
    checkPrefix(prefix);
    const call = this.#call('list', prefix);
    const folder = joinPath(this.#prefix, prefix);
    const request = {
      Bucket: this.#bucket,
      Prefix: folder === '' ? '' : `${folder}/`,
      ...(options.recursive === true ? {} : { Delimiter: '/' }),
      ...(options.startAfter === undefined
        ? {}
        : { StartAfter: joinPath(this.#prefix, options.startAfter) }),
    };
    let ContinuationToken: string | undefined;
    do {
      const page = ContinuationToken === undefined ? request : { ...request, ContinuationToken };
      const answer = await this.#connection.repeatable(call, (s3) => s3.listObjectsV2(page));
      for (const { Key, Size, ...rest } of answer.Contents ?? []) {
        // A key that ends in a slash is a folder some console or file system has drawn, not an object.
        if (Key === undefined || Key.endsWith('/')) continue;
        const path = this.#prefix === '' ? Key : Key.slice(this.#prefix.length + 1);
        if (options.skip?.(path) === true) continue;
        yield metaOf(path, { ...rest, ContentLength: Size });
      }
      ContinuationToken = answer.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  async delete(paths: readonly StorePath[]): Promise<void> {
    const keys = paths.map((path) => ({ Key: this.#locate(path).Key }));
    for (let start = 0; start < keys.length; start += DELETE_KEYS_MAX) {
      const call = this.#call('delete', paths[start] ?? '');
      const Objects = keys.slice(start, start + DELETE_KEYS_MAX);
      await this.#connection.repeatable(call, async (s3) => {
        const Delete = { Objects, Quiet: true };
        const { Errors = [] } = await s3.deleteObjects({ Bucket: this.#bucket, Delete });
        for (const { Code = '', Message = '', Key = '' } of Errors) {
          if (Code === 'NoSuchKey') continue;
          const cause = new Error(`${Code} ${Message} (${Key})`);
          cause.name = Code;
          throw s3Error(call, cause);
        }
      });
    }
  }

  localFile(path: StorePath): string | null {
    checkPath(path);
    return null;
  }

  at(prefix: StorePath): ObjectStore {
    checkPrefix(prefix);
    return new S3Store(this.#connection, this.#bucket, joinPath(this.#prefix, prefix));
  }

  async #upload(
    verb: string,
    path: StorePath,
    upload: { readonly to: S3Location; readonly localFile: string },
  ): Promise<ObjectMeta> {
    const done = await uploadFile(this.#connection, this.#call(verb, path), upload);
    // The server's own time would take another request, and nobody compares it with this one.
    return { path, modifiedMs: this.#connection.now(), ...done };
  }

  async #copyOnServer(
    path: StorePath,
    copy: {
      readonly from: S3Location;
      readonly sizeBytes: number;
      readonly source: CopySource;
    },
  ): Promise<ObjectMeta> {
    const { sizeBytes, source } = copy;
    const to = this.#locate(path);
    const call = this.#call('copyFrom', source.path);
    const from = {
      CopySource: [copy.from.Bucket, ...copy.from.Key.split('/')].map(encodeURIComponent).join('/'),
      CopySourceIfMatch: source.etag,
    };
    const modifiedMs = this.#connection.now();
    if (sizeBytes > ONE_COPY_BYTES_MAX) {
      const etag = await copyInParts(this.#connection, call, { to, sizeBytes, ...from });
      return { path, sizeBytes, modifiedMs, etag };
    }
    const answer = await this.#connection.repeatable(call, (s3) =>
      s3.copyObject({ ...to, ...from }),
    );
    const etag = present(answer.CopyObjectResult?.ETag, 'ETag of a copy');
    return { path, sizeBytes, modifiedMs, etag };
  }

  #locate(path: StorePath): S3Location {
    checkPath(path);
    return { Bucket: this.#bucket, Key: joinPath(this.#prefix, path) };
  }

  #call(verb: string, path: StorePath): StoreCall {
    return { verb, uri: this.uri, path };
  }
}

function metaOf(
  path: StorePath,
  facts: {
    readonly ContentLength?: number | undefined;
    readonly LastModified?: Date | undefined;
    readonly ETag?: string | undefined;
  },
): ObjectMeta {
  return {
    path,
    sizeBytes: present(facts.ContentLength, 'size of an object'),
    modifiedMs: present(facts.LastModified, 'time of an object').getTime(),
    etag: present(facts.ETag, 'ETag of an object'),
  };
}
