import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InstalledProject, installProject, linkFolder } from './installed.ts';

let project: InstalledProject;

beforeAll(() => {
  project = installProject();
}, 300_000);

afterAll(() => {
  project.remove();
});

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

function examples(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm');
  return [...readme.matchAll(fence)].map((match) => match[1] ?? '');
}

describe('the package, installed into an empty project', () => {
  it('creates, appends, merges and scans from a typed program', () => {
    writeFileSync(
      join(project.folder, 'programa.ts'),
      `import { createTable, isDeltaError, type Row } from 'deltawright';

const table = await createTable('./tabela', { schema: 'id bigint not null, nome string, n int' });
await table.append({ rows: [{ id: 1n, nome: 'um', n: 1 }, { id: 2n, nome: 'dois', n: 2 }] });
const merged = await table.merge({
  source: { rows: [{ id: 2n, nome: 'DOIS', n: 22 }, { id: 3n, nome: 'três', n: 3 }] },
  on: 't.id = s.id',
  whenMatched: [{ update: '*' }],
  whenNotMatched: [{ insert: '*' }],
});
const rows: Row[] = [];
for await (const row of table.scan({ where: 'n > 1' })) rows.push(row);
rows.sort((a, b) => Number(a['n']) - Number(b['n']));
let refusal = '';
try {
  await table.append({ rows: [{ nome: 'sem id' }] });
} catch (error) {
  if (isDeltaError(error)) refusal = error.kind;
}
await table.close();
console.log(
  JSON.stringify({ updated: merged.updated, inserted: merged.inserted, names: rows.map((r) => r['nome']), refusal }),
);
`,
    );
    project.check('programa.ts');
    expect(JSON.parse(project.node('programa.ts'))).toEqual({
      updated: 1,
      inserted: 1,
      names: ['três', 'DOIS'],
      refusal: 'invalid',
    });
  }, 120_000);

  it(`type-checks the README's programs and configurations`, () => {
    const written = examples('ts');
    expect(written.map(isConfiguration)).toEqual(FILES.map((file) => file.endsWith('config.ts')));
    for (const [i, file] of FILES.entries()) {
      writeFileSync(join(project.folder, file), written[i] ?? '');
    }
    project.check(...FILES);
  }, 120_000);

  it(`runs the README's program as it stands`, () => {
    expect(project.node('exemplo.ts')).toContain(`{ id: 1n, valor: '19.90' }`);
  }, 120_000);

  it(`runs the README's jobs on the recorded topic, and its command lines, as they stand`, () => {
    linkFolder(project, 'fixtures');
    writeFileSync(
      join(project.folder, 'pessoas.jsonl'),
      '{"id":1,"nome":"Ana"}\n{"id":2,"nome":"Zé"}\n',
    );
    const [tables, run, rejected, again, ...others] = commandLines().map((block) =>
      project.shell(block),
    );
    expect(others).toEqual([]);
    expect(tables).toContain('2,Zé');
    expect(run).toMatch(/^detalhar → rfb\.eventos, version 1\n(?: .*\n)* {2}inserted +612\n/m);
    expect(run).toMatch(/^somar → rfb\.totais, version 1\n(?: .*\n)* {2}posted +12 messages\n/m);
    expect(run).toMatch(/^avisar → avisos\n(?: .*\n)* {2}posted +\d+ messages\n/m);
    expect(run).toMatch(/^codigo_empresa +erros\n-+ +-+\n(?:\d+ +\d+\n){3}\(3 rows\)$/m);
    expect(rejected).toMatch(/^0 +22 +AVRO_NO_ENVELOPE +the value does not begin/m);
    expect(rejected).toMatch(/\(16 rows\)/);
    expect(again).toMatch(/^capturar → .*: nothing new .*\ndetalhar → .*: nothing new .*\n$/);
  }, 120_000);

  it(`loads the README's other configuration, which needs brokers and secrets`, () => {
    project.shell('deltawright tables --config seguro.config.ts');
    expect(() => project.shell('deltawright run capturar --config seguro.config.ts')).toThrow(
      /SECRET_MISSING: .*REGISTRY_TOKEN/,
    );
  }, 120_000);

  it('has no other command in its README than those that need servers or the checkout', () => {
    const others = examples('sh').filter((block) => !block.startsWith('deltawright'));
    expect(others.map((block) => NOT_RUN.find((it) => block.startsWith(it)) ?? block)).toEqual(
      NOT_RUN,
    );
  });
});

/** What the README's examples in TypeScript are called here, in their order. */
const FILES = ['exemplo.ts', 'deltawright.config.ts', 'seguro.config.ts'];

/** Blocks that others run: `test/interop`, and whoever sets up a checkout. */
const NOT_RUN = [
  'npm ci && npm start ',
  'npm ci && npm test ',
  'export $(npm run -s kafka -- start) DELTAWRIGHT_LAKE=lake-vivo\n',
  'export $(npm run -s kafka -- start) DELTAWRIGHT_LAKE=lake-vivo CONFIG=',
  'export DELTAWRIGHT_LAKE=s3://',
  'node scripts/regenerate-manifest.ts s3://',
  'npm run test:interop\n',
];

function commandLines(): string[] {
  return examples('sh').filter((block) => block.startsWith('deltawright'));
}

function isConfiguration(example: string): boolean {
  return example.includes('defineConfig');
}
