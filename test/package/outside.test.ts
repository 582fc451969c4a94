import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InstalledProject, installProject } from './installed.ts';

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

  it(`runs the README's programs as they stand`, () => {
    const programs = examples('ts');
    expect(programs.length).toBeGreaterThan(0);
    programs.forEach((program, i) => {
      const file = `exemplo-${i}.ts`;
      writeFileSync(join(project.folder, file), program);
      project.check(file);
      expect(project.node(file)).toContain(`{ id: 1n, valor: '19.90' }`);
    });
  }, 120_000);

  it(`runs the README's command lines as they stand`, () => {
    const lines = examples('sh').filter((block) => block.startsWith('deltawright create'));
    expect(lines.length).toBe(1);
    writeFileSync(
      join(project.folder, 'pessoas.jsonl'),
      '{"id":1,"nome":"Ana"}\n{"id":2,"nome":"Zé"}\n',
    );
    expect(project.shell(lines[0] ?? '')).toContain('2,Zé');
  }, 120_000);
});
