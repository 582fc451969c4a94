/** Snapshots, transactions, the commit loop; one verb a file below `ops/`. */

export type {
  CommitOutcome,
  RebaseDecision,
  ReadSet,
  Snapshot,
  TableContext,
  TransactionSpec,
  Winners,
} from './types.ts';
