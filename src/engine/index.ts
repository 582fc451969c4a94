/** The only door to the relational engine. */

export { duckType } from './duck-type.ts';
export {
  type DroppedRows,
  droppedRows,
  dropExisting,
  dropRows,
  dropWithinBatch,
  type KeyedRows,
  prepareDrops,
  survives,
} from './duplicates.ts';
export { createEngine } from './engine.ts';
export { matchField } from './field-match.ts';
export { functionNames } from './functions.ts';
export { HiddenRows } from './hidden-rows.ts';
export { blobLiteral, fileList, identifier, literal } from './quote.ts';
export { planTransform, type TransformPlan, transformSchema } from './transform.ts';
export {
  type RelationFile,
  type RelationOptions,
  relationSql,
  type RowIdColumns,
  type RowIdDefaults,
} from './relation.ts';
export {
  type CopyOptions,
  copyToParquet,
  execute,
  openOrderedSession,
  parquetFormat,
} from './rewrite.ts';
export { openSession } from './session.ts';
export { encoded } from './signed-zeros.ts';
export { sortKey } from './sort-key.ts';
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
export { canonicalLineSql } from './canonical.ts';
export {
  defineTable,
  printableQuery,
  referencedTables,
  storableQuery,
  type TableReference,
} from './query.ts';
