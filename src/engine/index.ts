/** The only door to the relational engine. */

export { duckType } from './duck-type.ts';
export { createEngine } from './engine.ts';
export { type MappingMode, physicalName } from './field-match.ts';
export { functionNames } from './functions.ts';
export { blobLiteral, identifier, literal, literalList } from './quote.ts';
export { type RelationFile, type RelationOptions, relationSql } from './relation.ts';
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
export { type Scope, type ScopeColumn, scopeOf } from './scope.ts';
export { translate, translateCondition, type Translation, translateTo } from './translate.ts';
