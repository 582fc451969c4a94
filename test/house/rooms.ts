/** The rooms of `src/`, bottom to top, and what each may import: the table that the house test holds the code to. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

export interface Rule {
  /** Other rooms, entered by their `index.ts` only. */
  readonly rooms: readonly string[];
  /** npm packages and, for the packages that cost start-up time, only as types or by `import()`. */
  readonly packages: readonly string[];
}

const below = (...rooms: string[]): readonly string[] => rooms;

export const ROOMS: Readonly<Record<string, Rule>> = {
  base: { rooms: [], packages: [] },
  schema: { rooms: below('base'), packages: [] },
  log: { rooms: below('base', 'schema'), packages: [] },
  store: {
    rooms: below('base'),
    packages: ['@aws-sdk/client-dynamodb', '@aws-sdk/client-s3', 'p-limit'],
  },
  parquet: {
    rooms: below('base', 'schema', 'store'),
    packages: ['parquet-wasm', 'apache-arrow', 'p-limit'],
  },
  avro: {
    rooms: below('base', 'schema', 'store', 'parquet'),
    packages: ['avsc', 'apache-arrow'],
  },
  engine: {
    rooms: below('base', 'schema', 'parquet', 'store'),
    packages: ['@duckdb/node-api', 'apache-arrow', 'p-limit'],
  },
  table: {
    rooms: below('base', 'schema', 'log', 'store', 'parquet', 'engine'),
    packages: ['apache-arrow', 'p-limit'],
  },
  catalog: {
    rooms: below('base', 'schema', 'store'),
    packages: ['@aws-sdk/client-glue', 'fast-json-stable-stringify', 'p-limit'],
  },
  stream: {
    rooms: below('base', 'schema', 'store', 'parquet', 'avro', 'engine', 'table', 'catalog'),
    packages: ['@node-rs/crc32', '@platformatic/kafka', 'apache-arrow', 'p-limit'],
  },
  jobs: {
    rooms: below(
      'base',
      'schema',
      'log',
      'store',
      'parquet',
      'avro',
      'engine',
      'table',
      'catalog',
      'stream',
    ),
    packages: ['valibot', 'fast-json-stable-stringify', 'p-limit'],
  },
  web: {
    rooms: below(
      'base',
      'schema',
      'log',
      'store',
      'parquet',
      'avro',
      'engine',
      'table',
      'catalog',
      'stream',
      'jobs',
    ),
    packages: ['prom-client'],
  },
  cli: {
    rooms: below(
      'base',
      'schema',
      'log',
      'store',
      'parquet',
      'avro',
      'engine',
      'table',
      'catalog',
      'stream',
      'jobs',
      'web',
    ),
    packages: ['commander', 'pino'],
  },
};

/** Loaded at first need, never at start-up. */
export const LAZY_PACKAGES: readonly string[] = [
  '@aws-sdk/client-dynamodb',
  '@aws-sdk/client-s3',
  '@aws-sdk/client-glue',
  '@duckdb/node-api',
  'apache-arrow',
  'parquet-wasm',
  '@node-rs/crc32',
  '@platformatic/kafka',
  'avsc',
  'pino',
  'prom-client',
];

/** Words that make a run unrepeatable, and their cure; allowed in `base` and `cli` only. */
export const CLOCK_AND_CHANCE: readonly { readonly pattern: RegExp; readonly cure: string }[] = [
  { pattern: /\bDate\.now\b|\bnew Date\(\)/, cure: 'take a Clock as an argument' },
  { pattern: /\bperformance\.now\b/, cure: 'take a Clock as an argument' },
  {
    pattern: /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/,
    cure: 'take a Random as an argument',
  },
  // A socket's own limit of silence is the network's time, not the program's.
  { pattern: /(?<!#socket\.)\bsetTimeout\b|\bsetInterval\b/, cure: 'use Clock.sleep' },
];

export function sourceFiles(root: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(root)) {
    const path = join(root, name);
    if (statSync(path).isDirectory()) found.push(...sourceFiles(path));
    else if (name.endsWith('.ts')) found.push(path);
  }
  return found.sort();
}

/** Every breach of the table in the tree below `root`, as a sentence that names the cure. */
export function breaches(root: string): string[] {
  return sourceFiles(root).flatMap((path) => {
    const file = relative(root, path).split(sep).join('/');
    const text = readFileSync(path, 'utf8');
    return [...importBreaches(root, file, text), ...wordBreaches(file, text)];
  });
}

function importBreaches(root: string, file: string, text: string): string[] {
  const room = roomOf(file);
  if (room === null) return [];
  const rule = ROOMS[room];
  if (rule === undefined)
    return [
      `${file}: the room "${room}" is not in test/house/rooms.ts; add it there and in src/README.md`,
    ];
  const found: string[] = [];
  for (const { specifier, lazy } of importsOf(text)) {
    if (specifier.startsWith('node:')) continue;
    if (!specifier.startsWith('.')) {
      const name = packageOf(specifier);
      if (!rule.packages.includes(name)) {
        found.push(
          `${file}: room "${room}" may not import "${name}"; go through the room that owns it`,
        );
      } else if (!lazy && LAZY_PACKAGES.includes(name)) {
        found.push(
          `${file}: "${name}" is slow to load; import its types, and the rest by import() at first need`,
        );
      }
      continue;
    }
    const target = relative(root, resolve(root, dirname(file), specifier))
      .split(sep)
      .join('/');
    const targetRoom = roomOf(target);
    if (targetRoom === null) {
      if (room !== 'cli') found.push(`${file}: "${target}" is above the room "${room}"`);
    } else if (targetRoom !== room) {
      if (!rule.rooms.includes(targetRoom)) {
        found.push(`${file}: room "${room}" may not import room "${targetRoom}"`);
      } else if (target !== `${targetRoom}/index.ts`) {
        found.push(`${file}: enter room "${targetRoom}" by its index.ts, not by ${target}`);
      }
    }
  }
  return found;
}

function wordBreaches(file: string, text: string): string[] {
  const room = roomOf(file);
  if (room === 'base' || room === 'cli') return [];
  const code = text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');
  return CLOCK_AND_CHANCE.filter(({ pattern }) => pattern.test(code)).map(
    ({ pattern, cure }) => `${file}: ${pattern.source} is not for this room; ${cure}`,
  );
}

/** The room of a file, or null for a file that stands beside the rooms. */
function roomOf(file: string): string | null {
  const slash = file.indexOf('/');
  return slash === -1 ? null : file.slice(0, slash);
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function importsOf(text: string): { specifier: string; lazy: boolean }[] {
  const found: { specifier: string; lazy: boolean }[] = [];
  const statement = /^(?:import|export)\s+(type\s+)?([^;'"]*?\bfrom\s+)?['"]([^'"]+)['"]/gm;
  for (const match of text.matchAll(statement)) {
    found.push({ specifier: match[3] ?? '', lazy: match[1] !== undefined });
  }
  for (const match of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) {
    found.push({ specifier: match[1] ?? '', lazy: true });
  }
  return found;
}
