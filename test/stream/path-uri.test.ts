import { expect, test } from 'vitest';

import { fromPathUri, toPathUri } from '../../src/stream/index.ts';

test('a name is escaped as Hadoop does, and read back', () => {
  const base = 'file:///data/usu%C3%A1rios%20novos';
  const uri = toPathUri(base, 'a b/100% +=ção#?.parquet');
  expect(uri).toBe('file:///data/usuários%20novos/a%20b/100%25%20+=ção%23%3F.parquet');
  expect(fromPathUri(base, uri)).toBe('a b/100% +=ção#?.parquet');
});

test("Spark's spellings of one place are the same place", () => {
  expect(fromPathUri('s3://bucket/in', 's3a://bucket/in/a.parquet')).toBe('a.parquet');
  expect(fromPathUri('file:///in', 'file:/in/a.parquet')).toBe('a.parquet');
});

test('a file elsewhere is not below the root', () => {
  expect(fromPathUri('s3://bucket/in', 's3://bucket/inside/a.parquet')).toBeNull();
});

test('a lone percent sign in a bucket path is taken as it stands', () => {
  const base = 's3://bucket/50%';
  expect(fromPathUri(base, toPathUri(base, 'x y.parquet'))).toBe('x y.parquet');
});
