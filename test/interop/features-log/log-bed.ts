/** A table's log as the others see it, and logs that are cut down to their shortcuts. */

import { readdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeltaTable } from '../../../src/index.ts';
import type { Checksum } from '../engines.ts';
import type { FeatureBed, Refusals } from '../features/bed.ts';

const PRELUDE = `
from contextlib import contextmanager
DeltaLog = spark._jvm.org.apache.spark.sql.delta.DeltaLog
nothing = spark._jvm.scala.Option.empty()

def log_of(uri):
    DeltaLog.clearCache()
    return DeltaLog.forTable(spark._jsparkSession, uri)

def snapshot_of(uri):
    return log_of(uri).unsafeVolatileSnapshot()

def items(seq):
    found, each = [], seq.iterator()
    while each.hasNext():
        found.append(each.next())
    return found

@contextmanager
def conf(values):
    names = {"spark.databricks.delta." + name: value for name, value in values.items()}
    for name, value in names.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name in names:
            spark.conf.unset(name)
`;

/** Runs Python in Spark's session with the table as `uri` and `t`; resolves to what it leaves in `answer`. */
export async function sparkProgram(
  bed: FeatureBed,
  uri: string,
  program: string,
): Promise<unknown> {
  const head = `${PRELUDE}\nuri = ${JSON.stringify(uri)}\nt = f"delta.\`{uri}\`"\n`;
  return (await bed.spark.ask({ op: 'program', source: `${head}${program}` }))['answer'];
}

/** The same where delta-rs and DuckDB are. */
export async function peersProgram(
  bed: FeatureBed,
  uri: string,
  program: string,
): Promise<unknown> {
  const source = `uri = ${JSON.stringify(uri)}\n${program}`;
  return (await bed.peers.ask({ op: 'program', source }))['answer'];
}

/** As `agree`, with nothing in Spark's memory of what it read before: all load what is in the log. */
export async function agreeAnew(
  bed: FeatureBed,
  table: DeltaTable,
  refusals: Refusals = {},
): Promise<Checksum> {
  await sparkProgram(bed, fileURLToPath(table.uri), 'DeltaLog.clearCache()');
  return bed.agree(table, refusals);
}

export function logNames(uri: string): readonly string[] {
  return readdirSync(join(uri, '_delta_log')).toSorted();
}

export function fileName(version: number): string {
  return String(version).padStart(20, '0');
}

/** Deletes what the log holds of the versions before this one, so that readers need its checkpoint. */
export function cutLog(uri: string, version: number): void {
  for (const name of logNames(uri)) {
    if (/^\.?\d{20}\./.test(name) && Number(name.replace('.', '').slice(0, 20)) < version) {
      rmSync(join(uri, '_delta_log', name));
    }
  }
}

/** Makes the files of the log as old as if each version up to one had been committed so many days ago. */
export function ageLog(
  uri: string,
  { upTo, days, nowMs }: { readonly upTo: number; readonly days: number; readonly nowMs: number },
): void {
  for (const name of logNames(uri)) {
    const version = /^\d{20}\./.test(name) ? Number(name.slice(0, 20)) : upTo + 1;
    if (version > upTo) continue;
    const time = nowMs / 1000 - days * 86_400 + version;
    utimesSync(join(uri, '_delta_log', name), time, time);
  }
}
