/** The client on a real schema registry: `SCHEMA_REGISTRY_URL`, with the path below which Confluent's API is. */

import { describe, expect, it } from 'vitest';

import { openRegistry, type SchemaRegistry } from '../../src/avro/index.ts';
import { printJson, systemClock, systemRandom } from '../../src/base/index.ts';
import { describeRegistry } from '../avro/registry-contract.ts';
import { required } from './engines.ts';

const url = process.env['SCHEMA_REGISTRY_URL'];

function open(): SchemaRegistry {
  const address = required('SCHEMA_REGISTRY_URL');
  return openRegistry({ url: address, clock: systemClock, random: systemRandom });
}

/** Makes a schema with references a version of the subject, which the client itself has no use for. */
async function post(
  subject: string,
  body: { schema: string; references?: unknown },
): Promise<number> {
  const response = await fetch(`${required('SCHEMA_REGISTRY_URL')}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify(body),
  });
  const { id } = (await response.json()) as { id: number };
  return id;
}

describe.skipIf(url === undefined)('the client of schema registries (SCHEMA_REGISTRY_URL)', () => {
  describeRegistry(() => Promise.resolve(open()));

  it('is told when a schema is not compatible, or is none', async () => {
    const subject = `strict-${systemRandom.uuid()}`;
    const fields = (type: string): string =>
      printJson({ type: 'record', name: 'strict', fields: [{ name: 'a', type }] });
    await open().register(subject, fields('int'));
    await fetch(`${required('SCHEMA_REGISTRY_URL')}/config/${subject}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: '{"compatibility":"BACKWARD"}',
    });
    await expect(open().register(subject, fields('string'))).rejects.toMatchObject({
      code: 'REGISTRY_INCOMPATIBLE',
    });
    await expect(open().register(subject, '{"type":"nothing"}')).rejects.toMatchObject({
      code: 'REGISTRY_BAD_SCHEMA',
    });
  });

  it('resolves references', async () => {
    const [part, whole] = [systemRandom.uuid(), systemRandom.uuid()];
    const name = `n.E${part.replaceAll('-', '')}`;
    await post(part, { schema: printJson({ type: 'enum', name, symbols: ['A'] }) });
    const id = await post(whole, {
      schema: printJson({ type: 'record', name: 'whole', fields: [{ name: 'e', type: name }] }),
      references: [{ name, subject: part, version: 1 }],
    });
    expect(await open().schemaById(id)).toMatchObject({ fields: [{ type: { symbols: ['A'] } }] });
  });
});
