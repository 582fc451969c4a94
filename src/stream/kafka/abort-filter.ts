/** Which batches of a fetch belong to aborted transactions, as Kafka's own consumer decides it under `read_committed`. */

/** What is known of a batch of records before its records are read. */
export interface BatchHead {
  readonly baseOffset: number;
  /** Inclusive; kept when compaction takes the last records. */
  readonly lastOffset: number;
  /** -1n where the producer is not idempotent. */
  readonly producerId: bigint;
  readonly transactional: boolean;
  /** Holds a transaction's marker instead of records. */
  readonly control: boolean;
}

/** A transaction that was aborted, as a fetch answers it: its producer's batches from `firstOffset` to its marker are void. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/**
 * The batches that hold records to hand over, in their order: neither markers nor parts of aborted transactions.
 * `batches` and `aborted` are those of one answer: a broker names every aborted transaction that touches the offsets
 * of the answer, those that began earlier and those whose marker comes later included.
 */
export function committedBatches<Batch extends BatchHead>(
  batches: readonly Batch[],
  aborted: readonly AbortedTransaction[],
  isAbortMarker: (control: Batch) => boolean,
): Batch[] {
  const waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<bigint>();
  let next = 0;
  return batches.filter((batch) => {
    for (; (waiting[next]?.firstOffset ?? Infinity) <= batch.lastOffset; next += 1) {
      open.add(waiting[next]?.producerId ?? -1n);
    }
    if (batch.control) {
      // One producer can have several aborted transactions in an answer: each marker ends one.
      if (isAbortMarker(batch)) open.delete(batch.producerId);
      return false;
    }
    return !(batch.transactional && open.has(batch.producerId));
  });
}
