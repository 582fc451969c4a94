/** Large objects on S3: written and copied in parts, several at a time. */

import { type FileHandle, open } from 'node:fs/promises';

import pLimit from 'p-limit';

import { present } from '../base/index.ts';
import type { StoreCall } from './errors.ts';
import { nameOf } from './s3-errors.ts';
import type { S3Connection } from './s3-connection.ts';

/** Where an object stands on S3. */
export interface S3Location {
  readonly Bucket: string;
  readonly Key: string;
}

const MIB = 1024 * 1024;
/** Up to here a file is one request. */
const ONE_PUT_BYTES_MAX = 64 * MIB;
const PART_BYTES_MIN = 16 * MIB;
const COPY_PART_BYTES = 1024 * MIB;
const PARTS_MAX = 10_000;
const PARALLEL_PARTS_MAX = 4;

/** Uploads a local file; gives its size and etag. */
export async function uploadFile(
  connection: S3Connection,
  call: StoreCall,
  upload: { readonly to: S3Location; readonly localFile: string },
): Promise<{ sizeBytes: number; etag: string }> {
  const file = await open(upload.localFile, 'r');
  try {
    const { size } = await file.stat();
    if (size > ONE_PUT_BYTES_MAX) {
      const partBytes = Math.max(PART_BYTES_MIN, Math.ceil(size / PARTS_MAX));
      const etag = await inParts(connection, call, {
        to: upload.to,
        sizeBytes: size,
        partBytes,
        send: (part) => uploadPart(connection, call, { part, file }),
      });
      return { sizeBytes: size, etag };
    }
    const Body = await readPiece(file, 0, size);
    const put = await connection.repeatable(call, (s3) => s3.putObject({ ...upload.to, Body }));
    return { sizeBytes: size, etag: present(put.ETag, 'ETag of a put') };
  } finally {
    await file.close();
  }
}

/** Copies an object on the server, beyond the size that one request can copy; gives its etag. */
export async function copyInParts(
  connection: S3Connection,
  call: StoreCall,
  copy: {
    readonly to: S3Location;
    readonly sizeBytes: number;
    readonly CopySource: string;
    readonly CopySourceIfMatch: string;
  },
): Promise<string> {
  const { CopySource, CopySourceIfMatch } = copy;
  return inParts(connection, call, {
    to: copy.to,
    sizeBytes: copy.sizeBytes,
    partBytes: Math.max(COPY_PART_BYTES, Math.ceil(copy.sizeBytes / PARTS_MAX)),
    send: ({ start, end, ...target }) =>
      connection.repeatable(call, async (s3) => {
        const CopySourceRange = `bytes=${start}-${end - 1}`;
        const range = { CopySource, CopySourceIfMatch, CopySourceRange };
        const { CopyPartResult } = await s3.uploadPartCopy({ ...target, ...range });
        return present(CopyPartResult?.ETag, 'ETag of a copied part');
      }),
  });
}

interface Part extends S3Location {
  readonly UploadId: string;
  readonly PartNumber: number;
  /** Bytes of the object: `start` inclusive, `end` exclusive. */
  readonly start: number;
  readonly end: number;
}

async function inParts(
  connection: S3Connection,
  call: StoreCall,
  object: {
    readonly to: S3Location;
    readonly sizeBytes: number;
    readonly partBytes: number;
    readonly send: (part: Part) => Promise<string>;
  },
): Promise<string> {
  const { to, sizeBytes, partBytes } = object;
  const created = await connection.repeatable(call, (s3) => s3.createMultipartUpload(to));
  const target = { ...to, UploadId: present(created.UploadId, 'id of a multipart upload') };
  const parts = Array.from({ length: Math.ceil(sizeBytes / partBytes) }, (_, index) => ({
    ...target,
    PartNumber: index + 1,
    start: index * partBytes,
    end: Math.min(sizeBytes, (index + 1) * partBytes),
  }));
  const limit = pLimit({ concurrency: PARALLEL_PARTS_MAX, rejectOnClear: true });
  const sent = parts.map((part) => limit(() => object.send(part)));
  try {
    const etags = await Promise.all(sent);
    const Parts = etags.map((ETag, index) => ({ PartNumber: index + 1, ETag }));
    return await complete(connection, call, { target, Parts });
  } catch (error) {
    limit.clearQueue();
    await Promise.allSettled(sent);
    // Parts without an object cost space until the bucket's life cycle rule removes them: the first error matters more.
    await connection.repeatable(call, (s3) => s3.abortMultipartUpload(target)).catch(() => null);
    throw error;
  }
}

async function complete(
  connection: S3Connection,
  call: StoreCall,
  upload: {
    readonly target: S3Location & { readonly UploadId: string };
    readonly Parts: { PartNumber: number; ETag: string }[];
  },
): Promise<string> {
  const { Bucket, Key, UploadId } = upload.target;
  return connection.repeatable(call, async (s3, attempt) => {
    try {
      const MultipartUpload = { Parts: upload.Parts };
      const done = await s3.completeMultipartUpload({ Bucket, Key, UploadId, MultipartUpload });
      return present(done.ETag, 'ETag of a multipart upload');
    } catch (error) {
      // The upload is gone because an earlier attempt, whose answer was lost, has completed it.
      if (attempt === 1 || nameOf(error) !== 'NoSuchUpload') throw error;
      return present((await s3.headObject({ Bucket, Key })).ETag, 'ETag of an object');
    }
  });
}

async function uploadPart(
  connection: S3Connection,
  call: StoreCall,
  upload: { readonly part: Part; readonly file: FileHandle },
): Promise<string> {
  const { start, end, ...target } = upload.part;
  const Body = await readPiece(upload.file, start, end);
  const sent = await connection.repeatable(call, (s3) => s3.uploadPart({ ...target, Body }));
  return present(sent.ETag, 'ETag of a part');
}

async function readPiece(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  let offset = 0;
  while (offset < bytes.length) {
    const length = bytes.length - offset;
    const { bytesRead } = await file.read(bytes, offset, length, start + offset);
    if (bytesRead === 0) return bytes.subarray(0, offset);
    offset += bytesRead;
  }
  return bytes;
}
