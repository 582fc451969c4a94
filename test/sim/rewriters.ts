/** Processes that change what is there, or write about it: each in another way that the rules of commits must hold apart. */

import { type Action, pathKey, type WriteScope } from '../../src/log/index.ts';
import { type Expression, parseExpression } from '../../src/schema/index.ts';
import type { Snapshot } from '../../src/table/types.ts';
import { newRow, PARTS, pick, steps } from './chance.ts';
import type { SimRow } from './model.ts';
import {
  type Draft,
  type FileAndRows,
  filesOf,
  newFile,
  removal,
  transact,
} from './transaction.ts';
import { hide } from './vectors.ts';
import type { Actor, World } from './world.ts';

const KEYS = ['k0', 'k1', 'k2'] as const;
const PREDICATES = new Map<string, Expression>();

/** Parsed once: the texts are few. */
function predicate(text: string): Expression {
  const known = PREDICATES.get(text) ?? parseExpression(text);
  PREDICATES.set(text, known);
  return known;
}

/** Merges by a key: reads a partition, and replaces the row with the key or brings it. */
export function merger(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx, { index, life }) => {
    const key = pick(world, KEYS);
    const part = key === 'k0' ? 'a' : 'b';
    let tries = 0;
    await transact(world, ctx, (snapshot) => {
      tries += 1;
      const row = newRow(world, `${life}-${index}-${tries}`, { key, part });
      const read = filesOf(world, snapshot).filter(({ path }) => path.startsWith(`part=${part}/`));
      const found = read.find(({ rows }) => rows.some((it) => it.key === key));
      const replaced = found?.rows.filter((it) => it.key === key).map(({ id }) => id) ?? [];
      const rest =
        found === undefined
          ? { actions: [], rows: [] }
          : without(world, snapshot, found, new Set(replaced));
      return {
        ...reading({ part, below: null, scope: 'checked' }, read),
        operation: 'MERGE',
        actions: [...rest.actions, newFile(world, part, [...rest.rows, row])],
        inserts: [row.id],
        deletes: replaced,
      };
    });
  });
}

/** Deletes the rows below a number, wherever they are, as far as statistics tell. */
export function deleter(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx) => {
    const below = 1 + Math.floor(world.random.float() * 4);
    await transact(world, ctx, (snapshot) => {
      const read = filesOf(world, snapshot).filter(({ rows }) => rows.some(({ n }) => n < below));
      if (read.length === 0) return null;
      const gone = read.flatMap(({ rows }) => rows.filter(({ n }) => n < below));
      const deletes = gone.map(({ id }) => id);
      return {
        ...reading({ part: null, below, scope: 'delete' }, read),
        operation: 'DELETE',
        actions: read.flatMap((file): readonly Action[] => {
          const { actions, rows } = without(world, snapshot, file, new Set(deletes));
          const part = rows[0]?.part ?? '';
          return [...actions, ...(rows.length === 0 ? [] : [newFile(world, part, rows)])];
        }),
        deletes,
      };
    });
  });
}

/** Takes rows out of a file: hides them where the table may have deletion vectors, or gives the rows that are to be kept. */
function without(
  world: World,
  snapshot: Snapshot,
  { path, rows }: FileAndRows,
  ids: ReadonlySet<string>,
): { readonly actions: readonly Action[]; readonly rows: readonly SimRow[] } {
  const kept = rows.filter(({ id }) => !ids.has(id));
  const file = snapshot.file(path);
  const hides = world.terms.features.includes('deletionVectors') && world.random.float() < 0.7;
  if (file === null || kept.length === 0 || !hides) {
    return { actions: [removal(world, snapshot, path)], rows: kept };
  }
  const { remove, add } = hide(world, file, ids);
  return {
    actions: [
      { kind: 'remove', remove },
      { kind: 'add', add },
    ],
    rows: [],
  };
}

/** Packs files of a partition, as OPTIMIZE commits it: all could have been read, and no row changes. */
export function packer(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx) => {
    const part = pick(world, PARTS);
    await transact(world, ctx, (snapshot) => {
      const files = filesOf(world, snapshot).filter(({ rows }) => rows[0]?.part === part);
      const chosen = files.slice(0, 2 + Math.floor(world.random.float() * 3));
      if (chosen.length < 2) return null;
      const paths = chosen.map(({ path }) => path);
      const rows = chosen.flatMap((it) => it.rows);
      return {
        reads: { kind: 'rows', part: null, below: null, paths: paths.map(pathKey) },
        spec: { reads: { kind: 'rows', predicate: null, paths: new Set(paths) } },
        operation: 'OPTIMIZE',
        actions: [
          ...paths.map((path) => removal(world, snapshot, path, { dataChange: false })),
          newFile(world, part, rows, { dataChange: false }),
        ],
      };
    });
  });
}

/** Writes a row about what it read: a partition, some numbers, or all of the table; it takes nothing away. */
export function deriver(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx, { index, life }) => {
    const chance = world.random.float();
    let tries = 0;
    await transact(world, ctx, (snapshot) => {
      tries += 1;
      const row = newRow(world, `${life}-${index}-${tries}`);
      const common = { actions: [newFile(world, row.part, [row])], inserts: [row.id] };
      if (chance < 0.4) {
        return { ...common, reads: { kind: 'table' }, spec: { reads: { kind: 'table' } } };
      }
      const part = chance < 0.7 ? row.part : null;
      const below = chance < 0.7 ? null : 3;
      const read = filesOf(world, snapshot).filter(({ rows }) =>
        rows.some((it) => (part === null || it.part === part) && (below === null || it.n < below)),
      );
      return { ...common, ...reading({ part, below }, read) };
    });
  });
}

/** What was read, as the commit is told and as the model checks it. */
function reading(
  {
    part,
    below,
    scope = 'append',
  }: {
    readonly part: string | null;
    readonly below: number | null;
    readonly scope?: WriteScope;
  },
  files: readonly FileAndRows[],
): Pick<Draft, 'reads' | 'spec'> {
  const paths = files.map(({ path }) => path);
  const conditions = [
    ...(part === null ? [] : [`part = '${part}'`]),
    ...(below === null ? [] : [`n < ${below}`]),
  ];
  const reads = { kind: 'rows', predicate: predicate(conditions.join(' AND ')) } as const;
  return {
    reads: { kind: 'rows', part, below, paths: paths.map(pathKey) },
    spec: { reads: { ...reads, paths: new Set(paths) }, scope },
  };
}
