/**
 * Makes the samples that ship in `fixtures/amostras`: events of users over four days, the same bytes at every run.
 * They hold what real ones do: events sent twice, events that arrive late, users renamed, rows without a key, a line
 * that is no JSON, and a file whose upload broke off.
 *
 *     node scripts/make-samples.ts
 */

import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';

import { seededRandom } from '../src/base/index.ts';

interface Event {
  readonly id: string | null;
  readonly data_hora_evento: string;
  readonly codigo_usuario: string | null;
  readonly nome_usuario: string;
}

const random = seededRandom(20_250_110);
const target = new URL('../fixtures/amostras/', import.meta.url).pathname;

const FIRST =
  'Ana José João Antônio Luís Inês Conceição Vitória Márcia Sérgio Júlia Caê Zoé Íris Ângelo Estêvão'.split(
    ' ',
  );
const MIDDLE = 'Aparecida Henrique Luíza Cristina Otávio Fátima Benedito das-Graças'.split(' ');
const LAST =
  "Araújo Gonçalves Brandão Simões Peçanha Magalhães Sá D'Ávila Conceição Fagundes Müller Nuñez".split(
    ' ',
  );

const users = Array.from({ length: 700 }, (_, index) => ({
  code: `U${String(index + 1).padStart(5, '0')}`,
  name: newName(),
}));

await rm(target, { recursive: true, force: true });
// Sent last, with the names from before: none of it may rename a user back.
const late = day('2025-01-09', 250);
const friday = day('2025-01-10', 900);
await writeParquet('2025-01-10/usuarios.parquet', friday);

rename(120);
const saturday = day('2025-01-11', 800);
await writeParquet('2025-01-11/usuários + renomeados.parquet', [
  ...saturday,
  ...sample(friday, 60),
  ...sample(saturday, 25),
]);

rename(80);
const partners = day('2025-01-12', 300);
await writeLines('2025-01-12/usuarios-parceiros.jsonl', [
  ...partners.map((event) => JSON.stringify(event)),
  ...sample(partners, 10).map((event) => JSON.stringify(event)),
  JSON.stringify({ ...event('2025-01-12'), id: null }),
  JSON.stringify({ ...event('2025-01-12'), id: '' }),
  JSON.stringify({ ...event('2025-01-12'), codigo_usuario: null }),
  '{"id":"linha interrompida","data_hora_evento":"2025-01-1',
]);

await writeParquet('2025-01-13/atrasados.parquet', [...late, ...sample(friday, 40)]);
await writeParquet('2025-01-13/envio-interrompido.parquet', day('2025-01-13', 200));
await truncate(join(target, '2025-01-13/envio-interrompido.parquet'), 4096);

function day(date: string, count: number): Event[] {
  return Array.from({ length: count }, () => event(date)).sort((a, b) =>
    a.data_hora_evento < b.data_hora_evento ? -1 : 1,
  );
}

function event(date: string): Event {
  const user = pick(users);
  const second = Math.floor(random.float() * 86_400);
  const time = new Date(second * 1000).toISOString().slice(11, 19);
  const micros = String(Math.floor(random.float() * 1_000_000)).padStart(6, '0');
  return {
    id: random.uuid(),
    data_hora_evento: `${date}T${time}.${micros}Z`,
    codigo_usuario: user.code,
    nome_usuario: user.name,
  };
}

function rename(count: number): void {
  for (const user of sample(users, count)) user.name = newName();
}

function newName(): string {
  const middle = random.float() < 0.4 ? ` ${pick(MIDDLE)}` : '';
  return `${pick(FIRST)}${middle} ${pick(LAST)} ${pick(LAST)}`;
}

function sample<T>(items: readonly T[], count: number): T[] {
  return Array.from({ length: count }, () => pick(items));
}

function pick<T>(items: readonly T[]): T {
  const item = items[Math.floor(random.float() * items.length)];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  await mkdir(dirname(join(target, path)), { recursive: true });
  await writeFile(join(target, path), `${lines.join('\n')}\n`);
}

async function writeParquet(path: string, events: readonly Event[]): Promise<void> {
  const staged = join(tmpdir(), `samples-${String(process.pid)}`);
  const [lines, output] = [`${staged}.jsonl`, `${staged}.parquet`];
  await writeFile(lines, events.map((event) => JSON.stringify(event)).join('\n'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  await connection.run(`
    COPY (
      FROM read_json('${lines}', format = 'newline_delimited', columns = {
        id: 'VARCHAR', data_hora_evento: 'TIMESTAMPTZ', codigo_usuario: 'VARCHAR', nome_usuario: 'VARCHAR'
      })
    ) TO '${output}' (FORMAT parquet, COMPRESSION snappy)`);
  connection.closeSync();
  instance.closeSync();
  await mkdir(dirname(join(target, path)), { recursive: true });
  await writeFile(join(target, path), await readFile(output));
  await rm(lines);
  await rm(output);
}
