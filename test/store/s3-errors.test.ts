import { expect, test } from 'vitest';

import { conditionalWriteError, s3Error } from '../../src/store/s3-errors.ts';

const call = (verb: string) => ({ verb, uri: 's3://bucket/t', path: 'a' });

function failure(name: string, facts: { status?: number; message?: string } = {}): Error {
  const error = new Error(facts.message ?? name);
  return Object.assign(error, { name, $metadata: { httpStatusCode: facts.status } });
}

test('a connection that is never made says so at once, also to a conditional write', () => {
  const timeout = failure('TimeoutError', {
    message: 'the request socket did not establish a connection with the server within 5000 ms',
  });
  for (const error of [
    s3Error(call('get'), timeout),
    conditionalWriteError(call('put'), timeout),
  ]) {
    expect(error).toMatchObject({ code: 'STORE_NO_ENDPOINT', retryable: false });
  }
  const silence = failure('TimeoutError', { message: 'no answer within 30000 ms' });
  expect(s3Error(call('get'), silence)).toMatchObject({
    code: 'STORE_UNAVAILABLE',
    retryable: true,
  });
});

test('a listing that is not found is a bucket that is not there', () => {
  const gone = failure('UnknownError', { status: 404 });
  expect(s3Error(call('list'), gone)).toMatchObject({ code: 'STORE_NO_BUCKET' });
  expect(s3Error(call('get'), gone)).toMatchObject({ code: 'STORE_NOT_FOUND' });
});

test('an unknown user is a matter of rights, whatever the status', () => {
  const unknown = failure('XAdminUserNotFound', { status: 404 });
  expect(s3Error(call('get'), unknown)).toMatchObject({ code: 'STORE_DENIED' });
});

test('a conditional write that nobody refused may have been done, whatever broke', () => {
  const coded = (code: string, syscall?: string) =>
    Object.assign(new Error(code), { code, syscall });
  const put = call('put');
  for (const error of [
    coded('HPE_INVALID_CONSTANT'),
    coded('EPROTO'),
    coded('EHOSTUNREACH', 'read'),
    failure('InternalError', { status: 500 }),
  ]) {
    expect(conditionalWriteError(put, error)).toMatchObject({ code: 'STORE_OUTCOME_UNKNOWN' });
  }
  for (const error of [coded('EHOSTUNREACH', 'connect'), coded('ECONNREFUSED')]) {
    expect(conditionalWriteError(put, error)).toMatchObject({ code: 'STORE_NO_ENDPOINT' });
  }
  for (const error of [
    failure('InvalidRequest', { status: 400 }),
    failure('SlowDown', { status: 429 }),
    failure('ConditionalRequestConflict', { status: 409 }),
  ]) {
    expect(conditionalWriteError(put, error)).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  }
});
