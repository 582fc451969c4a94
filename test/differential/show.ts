/** Programs as people read them, and as they are kept: TypeScript, with each step's SQL above it. */

import { sqlOf } from './expressions.ts';
import { pathText } from './perform.ts';
import type { Assignment, Program, Step } from './program.ts';

export function show({ steps, ...program }: Program): string {
  const head = Object.entries(program).map(([key, value]) => `  ${key}: ${source(value)},`);
  const body = steps.map((step) => `    // ${sqlLike(step)}\n    ${stepSource(step)},`);
  return ['{', ...head, '  steps: [', ...body, '  ],', '}'].join('\n');
}

function stepSource(step: Step): string {
  if (!('rows' in step)) return source(step);
  const { rows, ...rest } = step;
  const lines = rows.map((row) => `\n        ${source(row)},`).join('');
  return `${source(rest).slice(0, -2)}, rows: [${lines}${rows.length === 0 ? '' : '\n      '}] }`;
}

/** A value as TypeScript. */
function source(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (value instanceof Uint8Array) return `Uint8Array.of(${value.join(', ')})`;
  if (Array.isArray(value)) return `[${value.map(source).join(', ')}]`;
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'string' ? JSON.stringify(value) : String(value);
  }
  const members = Object.entries(value).map(
    ([key, member]) => `${/^[a-z]\w*$/i.test(key) ? key : JSON.stringify(key)}: ${source(member)}`,
  );
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** One line, for people. */
export function sqlLike(step: Step): string {
  switch (step.do) {
    case 'append':
      return `INSERT ${step.rows.length} rows of (${step.schema})${evolving(step)}`;
    case 'overwrite': {
      const { where, using = [], dynamic } = step;
      const what =
        where === undefined
          ? `${using.join(', ')}${dynamic === true ? 'DYNAMIC' : ''}`
          : sqlOf(where);
      return `INSERT OVERWRITE ${what} ${step.rows.length} rows of (${step.schema})${evolving(step)}`;
    }
    case 'delete':
      return `DELETE${whereOf(step)}`;
    case 'update':
      return `UPDATE SET ${setText(step.set)}${whereOf(step)}`;
    case 'merge': {
      const when = (kind: string, clause: { when?: Parameters<typeof sqlOf>[0] }): string =>
        `WHEN ${kind}${clause.when === undefined ? '' : ` AND ${sqlOf(clause.when)}`} THEN `;
      const change = (set: '*' | readonly Assignment[]): string =>
        set === '*' ? '*' : setText(set);
      return [
        `MERGE ${step.rows.length} rows of (${step.schema})${evolving(step)} ON ${sqlOf(step.on)}`,
        ...step.matched.map(
          (it) =>
            when('MATCHED', it) + ('delete' in it ? 'DELETE' : `UPDATE SET ${change(it.set)}`),
        ),
        ...step.inserted.map((it) => `${when('NOT MATCHED', it)}INSERT ${change(it.insert)}`),
        ...step.bySource.map(
          (it) =>
            when('NOT MATCHED BY SOURCE', it) +
            ('delete' in it ? 'DELETE' : `UPDATE SET ${change(it.set)}`),
        ),
      ].join(' ');
    }
    case 'read':
      return `SELECT * WHERE ${sqlOf(step.where)}`;
    case 'add constraint':
      return `ADD CONSTRAINT ${step.name} CHECK ${sqlOf(step.check)}`;
    default: {
      const { do: verb, ...rest } = step;
      return `${verb.toUpperCase()} ${Object.values(rest).map(plain).join(' ')}`;
    }
  }
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function evolving({ evolve }: { readonly evolve?: true }): string {
  return evolve === true ? ' WITH SCHEMA EVOLUTION' : '';
}

function whereOf({ where, mode }: Extract<Step, { do: 'delete' | 'update' }>): string {
  const how = mode === undefined ? '' : ` BY ${mode}`;
  return `${where === undefined ? '' : ` WHERE ${sqlOf(where)}`}${how}`;
}

function setText(set: readonly Assignment[]): string {
  return set.map(([path, value]) => `${pathText(path)} = ${sqlOf(value)}`).join(', ');
}
