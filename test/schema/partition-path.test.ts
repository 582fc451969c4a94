import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodePath, encodePath, partitionPath } from '../../src/schema/index.ts';
import { anyText } from './arbitraries.ts';

describe('partitionPath', () => {
  it('escapes what Hive escapes, and nothing else', () => {
    expect(partitionPath(['a', 'b=c'], ['x:y/z %', 'é +&~'])).toBe('a=x%3Ay%2Fz %25/b%3Dc=é +&~');
    expect(partitionPath(['p'], ['\u0001\u007F{}[]^\'"#*?\\'])).toBe(
      'p=%01%7F%7B}%5B%5D%5E%27%22%23%2A%3F%5C',
    );
    expect(partitionPath([], [])).toBe('');
  });

  it('names the directory of null', () => {
    expect(partitionPath(['a', 'b'], [null, ''])).toBe(
      'a=__HIVE_DEFAULT_PARTITION__/b=__HIVE_DEFAULT_PARTITION__',
    );
  });
});

describe('encodePath and decodePath', () => {
  it('are a second layer over the directory names', () => {
    const key = `${partitionPath(['p'], ['a:b'])}/part 1.parquet`;
    expect(key).toBe('p=a%3Ab/part 1.parquet');
    expect(encodePath(key)).toBe('p=a%253Ab/part%201.parquet');
    expect(decodePath('p=a%253Ab/part%201.parquet')).toBe(key);
  });

  it('decode once, and leave + alone', () => {
    expect(decodePath('a+b%2Bc%2520')).toBe('a+b+c%20');
    expect(encodePath('a+b')).toBe('a+b');
    expect(decodePath('p=ação/x')).toBe('p=ação/x');
  });

  it('are inverse for every key', () => {
    fc.assert(
      fc.property(anyText(), (key) => {
        const path = encodePath(key);
        expect(decodePath(path)).toBe(key);
        expect(path).not.toMatch(/[\p{Z}\p{Cc}?#]|^[^/]*:/u);
      }),
    );
  });

  it('spell a path as Spark does, to the letter', () => {
    const values = ['São', '€', '日本', '😀', 'a b', 'n\u00A0b', 't\tb', 'x:y', 's/t', 'b[c]', '%'];
    expect(values.map((value) => encodePath(partitionPath(['p'], [value])))).toEqual([
      'p=São',
      'p=€',
      'p=日本',
      'p=😀',
      'p=a%20b',
      'p=n%C2%A0b',
      'p=t%2509b',
      'p=x%253Ay',
      'p=s%252Ft',
      'p=b%255Bc%255D',
      'p=%2525',
    ]);
    expect(encodePath(`p=a!$&'()*+,-.;<>@_|}~"/b:c`)).toBe(`p=a!$&'()*+,-.;%3C%3E@_%7C%7D~%22/b:c`);
    expect(encodePath('a:b/c')).toBe('a%3Ab/c');
  });

  it('refuse a stray percent sign', () => {
    expect(() => decodePath('100%.parquet')).toThrow(/left a % sign unescaped/);
    expect(() => decodePath('%FF')).toThrow(/not URL-encoded UTF-8/);
  });
});
