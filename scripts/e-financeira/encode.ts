/** The schemas of the pipeline, and values of events as the producers send them: Avro in Confluent's envelope. */

import { readFileSync } from 'node:fs';

import avsc from 'avsc';

import type { TransmissaoEfetuada } from './domain.ts';

export const TOPIC = 'transmissao-efetuada';
export const SUBJECT = 'transmissao-efetuada-value';
export const REPORT_TOPIC = 'relatorio-transmissao';
export const REPORT_SUBJECT = 'relatorio-transmissao-value';

/** Texts of the schemas, as the registry is given them. */
export const EVENT_SCHEMAS: readonly [first: string, second: string] = [
  schemaText('transmissao-efetuada-value.avsc'),
  schemaText('transmissao-efetuada-value.v2.avsc'),
];
export const REPORT_SCHEMA: string = schemaText('relatorio-transmissao-value.avsc');

/** Magic byte 0, then the id of the schema, four bytes, highest first. */
export const ENVELOPE_SIZE_BYTES = 5;

const scratch = Buffer.alloc(65_536);
const types = EVENT_SCHEMAS.map((text) => avsc.Type.forSchema(JSON.parse(text) as avsc.Schema));

/** The event under the schema of `version` (from 0), in the envelope of `schemaId`. */
export function encodeEvent(
  event: TransmissaoEfetuada,
  writer: { readonly version: number; readonly schemaId: number },
): Buffer {
  scratch[0] = 0;
  scratch.writeUInt32BE(writer.schemaId, 1);
  const end = types[writer.version]?.encode(event, scratch, ENVELOPE_SIZE_BYTES) ?? -1;
  if (end < 0) throw new Error(`no event of version ${String(writer.version)} fits in the buffer`);
  return Buffer.from(scratch.subarray(0, end));
}

/** One line without the blanks that make the file readable: the registry hands it out as it got it. */
function schemaText(name: string): string {
  const url = new URL(`../../fixtures/e-financeira/${name}`, import.meta.url);
  return JSON.stringify(JSON.parse(readFileSync(url, 'utf8')));
}
