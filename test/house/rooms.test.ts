import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { breaches, ROOMS } from './rooms.ts';

const src = new URL('../../src', import.meta.url).pathname;
const broken = mkdtempSync(join(tmpdir(), 'house-'));
afterAll(() => rmSync(broken, { recursive: true }));

function write(file: string, text: string): void {
  const path = join(broken, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

describe('rooms', () => {
  it('of src keep to their table', () => {
    expect(breaches(src)).toEqual([]);
  });

  it('are all on the map in src/README.md', () => {
    const map = readFileSync(join(src, 'README.md'), 'utf8');
    expect(Object.keys(ROOMS).filter((room) => !map.includes(`| \`${room}\` |`))).toEqual([]);
  });

  it('of a broken tree are found out, each breach with its cure', () => {
    write('base/up.ts', `import { x } from '../log/index.ts';\n`);
    write('log/side-door.ts', `import { y } from '../schema/types.ts';\n`);
    write('log/chance.ts', `export const id = () => Math.random() + Date.now();\n`);
    write('store/eager.ts', `import { S3Client } from '@aws-sdk/client-s3';\n`);
    write('store/lazy.ts', `const load = () => import('@aws-sdk/client-s3');\n`);
    write('table/foreign.ts', `import { DuckDBInstance } from '@duckdb/node-api';\n`);
    write('attic/thing.ts', `export const z = 1;\n`);
    expect(breaches(broken)).toEqual([
      'attic/thing.ts: the room "attic" is not in test/house/rooms.ts; add it there and in src/README.md',
      'base/up.ts: room "base" may not import room "log"',
      'log/chance.ts: \\bDate\\.now\\b|\\bnew Date\\(\\) is not for this room; take a Clock as an argument',
      'log/chance.ts: \\bMath\\.random\\b|\\brandomUUID\\b|\\brandomBytes\\b is not for this room; take a Random as an argument',
      'log/side-door.ts: enter room "schema" by its index.ts, not by schema/types.ts',
      'store/eager.ts: "@aws-sdk/client-s3" is slow to load; import its types, and the rest by import() at first need',
      'table/foreign.ts: room "table" may not import "@duckdb/node-api"; go through the room that owns it',
    ]);
  });
});
