/** Avro schemas, their registry, and messages decoded straight into columns. */

export { type AvroDecoder, compileDecoder, type DecoderOptions } from './decoder.ts';
export { type AvroEncoder, compileEncoder } from './encoder.ts';
export { type Envelope, openEnvelope, sealEnvelope } from './envelope.ts';
export { parseAvroSchema, type ParseOptions } from './parse-schema.ts';
export {
  openRegistry,
  type RegisteredSchema,
  type RegistryOptions,
  type SchemaRegistry,
} from './registry.ts';
export type { RegistryAuth } from './registry-http.ts';
export { avroToDelta } from './to-delta.ts';
export type {
  AvroArray,
  AvroEnum,
  AvroFault,
  AvroField,
  AvroFixed,
  AvroLogical,
  AvroMap,
  AvroNamed,
  AvroPrimitive,
  AvroPrimitiveName,
  AvroRecord,
  AvroSchema,
  AvroUnion,
} from './types.ts';
