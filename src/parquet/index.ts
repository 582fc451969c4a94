/** The only door to Parquet bytes. */

export { arrowSchemaOf, arrowToSchema } from './arrow-schema.ts';
export { type LocalFileSource, localFileSource, memorySource, storeSource } from './byte-source.ts';
export type { ColumnPath, Projection } from './byte-range.ts';
export { checkRow } from './column-builder.ts';
export { fileSchema, type SuggestedSchema } from './file-schema.ts';
export { decodeFooter, readFooter } from './footer.ts';
export { readParquet, readRows, type ReadOptions } from './read.ts';
export { rowsToArrow, type RowsOptions } from './rows-to-arrow.ts';
export { canSplice, spliceFiles, type SpliceInput } from './splice.ts';
export { stageSparse, type StageOptions } from './stage.ts';
export { footerStatistics, type FooterStatisticsOptions } from './statistics.ts';
export type {
  ByteSource,
  ChunkStatistics,
  Codec,
  ColumnChunk,
  LogicalType,
  ParquetFooter,
  ParquetNode,
  PhysicalType,
  RowGroup,
  VerbatimVerdict,
} from './types.ts';
export { judgeVerbatim, type VerbatimOptions } from './verbatim.ts';
export { unknownColumn } from './unknown-column.ts';
export { containsNan, type TableInput, writeParquet, type WriteOptions } from './write.ts';
