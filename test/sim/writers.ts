/** Processes that change the table: each in another way that the rules of commits must hold apart. */

import type { Action } from '../../src/log/index.ts';
import { type Expression, parseExpression } from '../../src/schema/index.ts';
import type { Snapshot, TableContext, Winners } from '../../src/table/types.ts';
import type { SimRow } from './model.ts';
import type { Actor, Draft, World } from './world.ts';

export const PARTS = ['a', 'b'] as const;
const KEYS = ['k0', 'k1', 'k2'] as const;
const NUMBERS = 10;

type PathAndRows = ReturnType<World['filesOf']>[number];

const NEVER = parseExpression('false');
const PREDICATES = new Map<string, Expression>();

/** Parsed once: the texts are few. */
function predicate(text: string): Expression {
  const known = PREDICATES.get(text) ?? parseExpression(text);
  PREDICATES.set(text, known);
  return known;
}

function pick<T>(world: World, from: readonly T[]): T {
  const found = from[Math.floor(world.random.float() * from.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}

function newRow(world: World, id: string, members: Partial<SimRow> = {}): SimRow {
  const n = Math.floor(world.random.float() * NUMBERS);
  return { id, key: null, part: pick(world, PARTS), n, ...members };
}

/** Runs the steps of an actor one by one, from where it was when it crashed. */
function steps(
  world: World,
  name: string,
  count: number,
  step: (ctx: TableContext, index: number, life: string) => Promise<void>,
): Actor {
  let done = 0;
  let lives = 0;
  return {
    name,
    run: async (ctx) => {
      lives += 1;
      const life = `${name}.${lives}`;
      while (done < count) {
        await step(ctx, done, life);
        done += 1;
        await ctx.clock.sleep(world.random.float() * 40);
      }
    },
  };
}

/** Appends blindly. The same rows again only after it was told that they are not there. */
export function appender(world: World, name: string, count: number): Actor {
  return steps(world, name, count, async (ctx, index, life) => {
    const row = newRow(world, `${life}-${index}`);
    await world.transact(ctx, () => ({
      reads: { kind: 'nothing' },
      spec: { reads: { kind: 'nothing' } },
      actions: [world.newFile(row.part, [row])],
      inserts: [row.id],
    }));
  });
}

/** One of several that run the same batches of one application: each is applied once, whoever does it. */
export function batchWriter(world: World, name: string, appId: string, count: number): Actor {
  return steps(world, name, count, async (ctx, version) => {
    const row = newRow(world, `${appId}-${version}`);
    const draft = (): Draft => ({
      reads: { kind: 'nothing' },
      spec: { reads: { kind: 'nothing' }, txn: { appId, version } },
      actions: [world.newFile(row.part, [row])],
      inserts: [row.id],
    });
    while ((await world.transact(ctx, draft)) === 'unknown') world.note(`${name} asks again`);
  });
}

/** One of several workers that move the progress of an application on, each from where it finds it. */
export function worker(world: World, name: string, appId: string, count: number): Actor {
  return {
    name,
    run: async (ctx) => {
      for (;;) {
        const before = await world.open(ctx);
        const expected = before.txnVersion(appId);
        const version = (expected ?? -1) + 1;
        if (version >= count) return;
        // The work takes a while, and is committed to the table as it is then.
        await ctx.clock.sleep(world.random.float() * 40);
        const snapshot = await world.open(ctx, before);
        const row = newRow(world, `${appId}-${version}`);
        await world.commit(ctx, snapshot, {
          reads: { kind: 'nothing' },
          spec: { reads: { kind: 'nothing' }, steps: [{ appId, expected, version }] },
          actions: [world.newFile(row.part, [row])],
          inserts: [row.id],
        });
        await ctx.clock.sleep(world.random.float() * 20);
      }
    },
  };
}

/** Merges by a key: reads a partition, and replaces the row with the key or brings it. */
export function merger(world: World, name: string, count: number): Actor {
  return steps(world, name, count, async (ctx, index, life) => {
    const key = pick(world, KEYS);
    const part = key === 'k0' ? 'a' : 'b';
    let tries = 0;
    await world.transact(ctx, (snapshot) => {
      tries += 1;
      const row = newRow(world, `${life}-${index}-${tries}`, { key, part });
      const read = world.filesOf(snapshot).filter(({ rows }) => rows[0]?.part === part);
      const found = read.find(({ rows }) => rows.some((it) => it.key === key));
      const kept = found?.rows.filter((it) => it.key !== key) ?? [];
      return {
        ...reading({ part, below: null }, read),
        operation: 'MERGE',
        actions: [
          ...(found === undefined ? [] : [world.remove(snapshot, found.path)]),
          world.newFile(part, [...kept, row]),
        ],
        inserts: [row.id],
        deletes: found?.rows.filter((it) => it.key === key).map(({ id }) => id) ?? [],
      };
    });
  });
}

/** Deletes the rows below a number, wherever they are, as far as statistics tell. */
export function deleter(world: World, name: string, count: number): Actor {
  return steps(world, name, count, async (ctx) => {
    const below = 1 + Math.floor(world.random.float() * 4);
    await world.transact(ctx, (snapshot) => {
      const read = world.filesOf(snapshot).filter(({ rows }) => rows.some(({ n }) => n < below));
      if (read.length === 0) return null;
      return {
        ...reading({ part: null, below }, read),
        operation: 'DELETE',
        actions: read.flatMap(({ path, rows }): Action[] => {
          const kept = rows.filter(({ n }) => n >= below);
          const part = rows[0]?.part ?? '';
          const rest = kept.length === 0 ? [] : [world.newFile(part, kept)];
          return [world.remove(snapshot, path), ...rest];
        }),
        deletes: read.flatMap(({ rows }) => rows.filter(({ n }) => n < below).map(({ id }) => id)),
      };
    });
  });
}

/** Puts files of a partition together; no row changes. */
export function packer(world: World, name: string, count: number): Actor {
  return steps(world, name, count, async (ctx) => {
    const part = pick(world, PARTS);
    await world.transact(ctx, (snapshot) => {
      const files = world.filesOf(snapshot).filter(({ rows }) => rows[0]?.part === part);
      const chosen = files.slice(0, 2 + Math.floor(world.random.float() * 3));
      if (chosen.length < 2) return null;
      const paths = chosen.map(({ path }) => path);
      return {
        reads: { kind: 'rows', part: null, below: null, paths: paths.map(decodeURIComponent) },
        spec: { reads: { kind: 'rows', predicate: NEVER, paths: new Set(paths) } },
        operation: 'OPTIMIZE',
        actions: [
          ...paths.map((path) => world.remove(snapshot, path, false)),
          world.newFile(
            part,
            chosen.flatMap(({ rows }) => rows),
            false,
          ),
        ],
      };
    });
  });
}

/** Writes a row about what it read: a partition, some numbers, or all of the table; it takes nothing away. */
export function deriver(world: World, name: string, count: number): Actor {
  return steps(world, name, count, async (ctx, index, life) => {
    const chance = world.random.float();
    let tries = 0;
    await world.transact(ctx, (snapshot) => {
      tries += 1;
      const row = newRow(world, `${life}-${index}-${tries}`);
      const files = world.filesOf(snapshot);
      const common = { actions: [world.newFile(row.part, [row])], inserts: [row.id] };
      if (chance < 0.3) {
        return { ...common, reads: { kind: 'table' }, spec: { reads: { kind: 'table' } } };
      }
      const part = chance < 0.6 ? row.part : null;
      const below = chance < 0.6 ? null : 3;
      const read = files.filter(({ rows }) =>
        rows.some((it) => (part === null || it.part === part) && (below === null || it.n < below)),
      );
      return { ...common, ...reading({ part, below }, read) };
    });
  });
}

/** Appends keys that are not there, and looks again at what others brought where they came first. */
export function ingester(world: World, name: string, count: number): Actor {
  return steps(world, name, count, async (ctx, index, life) => {
    let tries = 0;
    await world.transact(ctx, (snapshot) => {
      tries += 1;
      const known = new Set(
        world.filesOf(snapshot).flatMap(({ rows }) => rows.map((it) => it.key)),
      );
      const rows = ['s0', 's1', 's2', 's3', `s${life}-${index}`]
        .filter((key) => !known.has(key) && world.random.float() < 0.6)
        .map((key) => newRow(world, `${life}-${index}-${tries}-${key}`, { key, part: 'a' }));
      if (rows.length === 0) return null;
      const without = (taken: ReadonlySet<string | null>): readonly Action[] => {
        const left = rows.filter(({ key }) => !taken.has(key));
        return left.length === 0 ? [] : [world.newFile('a', left)];
      };
      return {
        reads: { kind: 'nothing' },
        spec: {
          reads: { kind: 'rows', predicate: NEVER, paths: new Set() },
          rebase: async ({ added }: Winners) => {
            const paths = added.map(({ path }) => decodeURIComponent(path));
            const taken = paths.flatMap((path) => world.model.rows(path).map(({ key }) => key));
            return { kind: 'replace', actions: without(new Set(taken)) };
          },
        },
        actions: without(new Set()),
        inserts: rows.map(({ id }) => id),
      };
    });
  });
}

/** Counts up in a property of the table, or in a domain. */
export function administrator(world: World, name: string, count: number): Actor {
  return steps(world, name, count, async (ctx) => {
    const inDomain = world.random.float() < 0.5;
    const property = `sim.${pick(world, ['x', 'y'])}`;
    await world.transact(ctx, (snapshot) => {
      const held = world.model.at(snapshot.version).counters;
      const actions = inDomain
        ? [domainAction('counter', (held.get('counter') ?? 0) + 1)]
        : [propertyAction(snapshot, property, (held.get(property) ?? 0) + 1)];
      return {
        reads: { kind: 'nothing' },
        spec: { reads: { kind: 'nothing' } },
        operation: 'SET TBLPROPERTIES',
        actions,
      };
    });
  });
}

function domainAction(domain: string, value: number): Action {
  return {
    kind: 'domainMetadata',
    domainMetadata: { domain, configuration: String(value), removed: false },
  };
}

function propertyAction({ metadata }: Snapshot, name: string, value: number): Action {
  const configuration = { ...metadata.configuration, [name]: String(value) };
  return { kind: 'metaData', metaData: { ...metadata, configuration } };
}

/** What was read, as the commit is told and as the model checks it. */
function reading(
  { part, below }: { readonly part: string | null; readonly below: number | null },
  files: readonly PathAndRows[],
): Pick<Draft, 'reads' | 'spec'> {
  const paths = files.map(({ path }) => path);
  const conditions = [
    ...(part === null ? [] : [`part = '${part}'`]),
    ...(below === null ? [] : [`n < ${below}`]),
  ];
  const reads = { kind: 'rows', predicate: predicate(conditions.join(' AND ')) } as const;
  return {
    reads: { kind: 'rows', part, below, paths: paths.map(decodeURIComponent) },
    spec: { reads: { ...reads, paths: new Set(paths) } },
  };
}
