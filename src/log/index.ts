/** The protocol: actions, file names, codec, replay, checkpoint content, features, conflict rules. No I/O. */

export type {
  Action,
  AddFile,
  CommitInfo,
  DeletionVectorDescriptor,
  DomainMetadata,
  Format,
  Metadata,
  PartitionValues,
  Protocol,
  RemoveFile,
  Txn,
} from './actions.ts';
