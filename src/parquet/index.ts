/** The only door to Parquet bytes. */

export { arrowSchemaOf, arrowToSchema } from './arrow-schema.ts';
export { type LocalFileSource, localFileSource, memorySource, storeSource } from './byte-source.ts';
export type { Projection } from './byte-range.ts';
export { decodeFooter, readFooter } from './footer.ts';
export { readParquet, readRows, type ReadOptions } from './read.ts';
export { rowsToArrow, type RowsOptions } from './rows-to-arrow.ts';
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
export { containsNan, writeParquet, type WriteOptions } from './write.ts';
