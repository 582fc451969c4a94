/** Processes that change what the table is: its properties and domains, and the features that it has. */

import { type Action, type Metadata, withFeatures } from '../../src/log/index.ts';
import type { Snapshot } from '../../src/table/types.ts';
import { pick, steps } from './chance.ts';
import { DEMAND } from './table-state.ts';
import { type Draft, transact } from './transaction.ts';
import type { Actor, World } from './world.ts';

/** Counts up in a property of the table, or in a domain. */
export function administrator(world: World, name: string, count: number): Actor {
  return steps(world, { name, count }, async (ctx) => {
    const inDomain = world.random.float() < 0.5;
    const property = pick(world, ['sim.x', 'sim.y', DEMAND]);
    await transact(world, ctx, (snapshot) => {
      const held = world.model.at(snapshot.version).counters;
      return describing(
        inDomain
          ? [domainAction('counter', (held.get('counter') ?? 0) + 1)]
          : [withProperty(snapshot, property, String((held.get(property) ?? 0) + 1))],
      );
    });
  });
}

/** Turns on what each commit after it must heed: times of their own, or row ids. */
export function enabler(world: World, name: string): Actor {
  return steps(world, { name, count: 1 }, async (ctx) => {
    const [feature, property] = pick(world, [
      ['inCommitTimestamp', 'delta.enableInCommitTimestamps'],
      ['rowTracking', null],
    ] as const);
    await ctx.clock.sleep(world.random.float() * 100);
    await transact(world, ctx, (snapshot) => {
      const { protocol } = snapshot;
      if (protocol.writerFeatures?.includes(feature) === true) return null;
      return describing([
        { kind: 'protocol', protocol: withFeatures(protocol, [feature]) },
        ...(property === null ? [] : [withProperty(snapshot, property, 'true')]),
      ]);
    });
  });
}

function describing(actions: readonly Action[]): Draft {
  return {
    reads: { kind: 'nothing' },
    spec: { reads: { kind: 'nothing' } },
    operation: 'SET TBLPROPERTIES',
    actions,
  };
}

function domainAction(domain: string, value: number): Action {
  return {
    kind: 'domainMetadata',
    domainMetadata: { domain, configuration: String(value), removed: false },
  };
}

function withProperty({ metadata }: Snapshot, name: string, value: string): Action {
  const configuration: Metadata['configuration'] = { ...metadata.configuration, [name]: value };
  return { kind: 'metaData', metaData: { ...metadata, configuration } };
}
