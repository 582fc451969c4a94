/** The only door to the relational engine. */

export { createEngine } from './engine.ts';
export { blobLiteral, identifier, literal, literalList } from './quote.ts';
export { openSession } from './session.ts';
export type {
  ColumnChunkValues,
  Engine,
  EngineRow,
  EngineValue,
  Session,
  SessionOptions,
  StatementOptions,
} from './types.ts';
