import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { printBody } from '../../src/stream/log-body.ts';
import { toPathUri } from '../../src/stream/path-uri.ts';
import { RememberedFiles } from '../../src/stream/remembered-files.ts';

const BASE = 's3://bucket/in';
const broken = (reason: string): Error => new Error(reason);

function line(uri: string, rejected = false): string {
  const more = rejected ? ',"rejected":{"code":"X","reason":"y","sizeBytes":1}' : '';
  return `{"path":${JSON.stringify(uri)},"timestamp":1,"batchId":0${more}}`;
}

const parts = fc.stringMatching(/^[a-zA-Z0-9 %é"\\=+-]{1,12}$/);
const pathArbitrary = fc.array(parts, { minLength: 1, maxLength: 4 }).map((all) => all.join('/'));

test('the set holds exactly the paths of the lines, however many and however they are spelled', () => {
  fc.assert(
    fc.property(
      fc.array(pathArbitrary, { maxLength: 50 }),
      fc.array(pathArbitrary, { maxLength: 20 }),
      fc.constantFrom('s3', 's3a', 's3n'),
      (known, asked, scheme) => {
        const files = new RememberedFiles(BASE, broken);
        const uris = known.map((path) => toPathUri(BASE, path).replace(/^s3/, scheme));
        files.add(printBody(uris.slice(0, 20).map((uri) => line(uri))));
        for (const uri of uris.slice(20)) files.add(printBody([line(uri)]));
        for (const path of [...known, ...asked]) expect(files.has(path)).toBe(known.includes(path));
      },
    ),
  );
});

test('a set that grows by many files keeps them all', () => {
  const files = new RememberedFiles(BASE, broken);
  const paths = Array.from({ length: 5000 }, (_, index) => `d=${index % 7}/${index}.json`);
  for (let start = 0; start < paths.length; start += 500) {
    const added = paths.slice(start, start + 500);
    files.add(printBody(added.map((path) => line(`${BASE}/${path}`))));
  }
  expect(paths.every((path) => files.has(path))).toBe(true);
  expect(files.has('d=0/1.json')).toBe(false);
  expect(files.line('d=2/9.json')).toBe(line(`${BASE}/d=2/9.json`));
});

test('the last line of a file says whether it is rejected', () => {
  for (const name of ['a.json', 'a b.json']) {
    const files = new RememberedFiles(BASE, broken);
    const uri = toPathUri(BASE, name);
    files.add(printBody([line(uri, true)]));
    expect(files.isRejected(name)).toBe(true);
    expect(files.line(name)).toBe(line(uri, true));
    files.add(printBody([line(uri)]));
    expect(files.isRejected(name)).toBe(false);
    expect(files.line(name)).toBe(line(uri));
  }
});

test('files of other places are not of this one', () => {
  const files = new RememberedFiles(BASE, broken);
  files.add(printBody([line('s3://bucket/inner/a.json'), line('s3://other/in/b.json')]));
  expect(files.has('a.json') || files.has('b.json') || files.has('ner/a.json')).toBe(false);
});

test.each(['x', '{"path":"s3://bucket/in/a', '{"path":"s3://bucket/in/a","timest', '{"a":1}'])(
  'the line %s is refused',
  (text) => {
    const files = new RememberedFiles(BASE, broken);
    expect(() => {
      files.add(printBody([text]));
    }).toThrow();
  },
);
