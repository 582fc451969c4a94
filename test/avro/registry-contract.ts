/** What every registry must keep to, whatever answers it. */

import { expect, it } from 'vitest';

import type { SchemaRegistry } from '../../src/avro/index.ts';
import { printJson, systemRandom } from '../../src/base/index.ts';

/** A name that no run has used: a registry on disk keeps what earlier ones registered. */
function freshName(start: string): string {
  return `${start}_${systemRandom.uuid().replaceAll('-', '')}`;
}

export function describeRegistry(open: () => Promise<SchemaRegistry>): void {
  const schemaOf = (name: string, ...fields: string[]): string =>
    printJson({
      type: 'record',
      name,
      fields: fields.map((field) => ({ name: field, type: 'string', default: '' })),
    });

  it('gives a schema an id, by which and by whose subject it is found', async () => {
    const registry = await open();
    const name = freshName('Registered');
    const subject = `${name} é/+-value`;
    expect(await registry.lookup(subject, schemaOf(name, 'a'))).toBeNull();
    const id = await registry.register(subject, schemaOf(name, 'a'));
    expect(await registry.register(subject, ` ${schemaOf(name, 'a')}`)).toBe(id);
    expect(await registry.lookup(subject, schemaOf(name, 'a'))).toBe(id);
    expect(await registry.schemaById(id)).toMatchObject({ name, fields: [{ name: 'a' }] });
    expect(await registry.latest(subject)).toMatchObject({ id, version: 1, schema: { name } });
  });

  it('keeps the versions of a subject apart, and the id of a schema over subjects', async () => {
    const registry = await open();
    const name = freshName('Versioned');
    const first = await registry.register(name, schemaOf(name, 'a'));
    const second = await registry.register(name, schemaOf(name, 'a', 'b'));
    expect(second).not.toBe(first);
    expect(await registry.latest(name)).toMatchObject({ id: second, version: 2 });
    expect(await registry.schemaById(first)).toMatchObject({ fields: [{ name: 'a' }] });
    expect(await registry.register(`${name}-other`, schemaOf(name, 'a'))).toBe(first);
  });

  it('knows neither ids nor subjects that are not there', async () => {
    const registry = await open();
    const id = 2_000_000_000;
    await expect(registry.schemaById(id)).rejects.toMatchObject({ code: 'REGISTRY_UNKNOWN_ID' });
    await expect(registry.latest(freshName('nobody'))).rejects.toMatchObject({
      code: 'REGISTRY_UNKNOWN_SUBJECT',
    });
  });
}
