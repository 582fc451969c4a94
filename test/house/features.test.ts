/** The README's table of features is what the code says of them. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { FEATURES, type TableFeature, type WriteScope } from '../../src/log/index.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const HEADING = '### Features of tables\n';

const SCOPES: readonly (readonly [WriteScope, string])[] = [
  ['description', 'properties'],
  ['checked', 'appends, overwrites, merges, jobs'],
  ['rearrange', 'optimize'],
  ['delete', 'deletes'],
  ['update', 'updates'],
];

function written({ refuses }: TableFeature): string {
  const allowed = SCOPES.filter(([scope]) => !refuses.includes(scope)).map(([, name]) => name);
  if (allowed.length === SCOPES.length) return 'all';
  return allowed.length === 0 ? 'nothing' : allowed.join(', ');
}

function row(feature: TableFeature): string {
  const { name, earlyName, isForReaders, needs, property, reads } = feature;
  return [
    [name, ...(earlyName === undefined ? [] : [earlyName])].map((it) => `\`${it}\``).join(', '),
    isForReaders ? 'readers too' : 'writers',
    needs.map((it) => `\`${it}\``).join(', ') || '–',
    property === undefined ? '–' : `\`${property.key}\``,
    reads === 'always' ? 'yes' : reads,
    written(feature),
  ].join(' | ');
}

test('the README has a line for each feature, as the list of them in src/log says it', () => {
  const section = README.split(HEADING)[1]?.split('\n#')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('| '));
  const expected = [
    '| feature | who must know it | needs | put to use by | read | written while it is in use |',
    ...FEATURES.map((feature) => `| ${row(feature)} |`),
  ];
  expect(lines).toEqual(expected);
});
