/**
 * Every feature of the log, both ways: checkpoints, compaction, checksums, times, row ids, what a table is told to be and how its
 * log ends, as we write them and Spark, delta-rs and DuckDB read them, and the other way round.
 */

import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { FeatureBed } from './features/bed.ts';
import { checkpointTests } from './features-log/checkpoints.ts';
import { checksumTests } from './features-log/checksums.ts';
import { descriptionTests } from './features-log/description.ts';
import { featureTests } from './features-log/features.ts';
import { rowTests } from './features-log/rows.ts';
import { timeTests } from './features-log/times.ts';
import { togetherTests } from './features-log/together.ts';

let started: FeatureBed;
const bed = (): FeatureBed => started;

beforeAll(async () => {
  started = await FeatureBed.start();
});
afterEach(() => started.closeTables());
afterAll(() => started.stop());

describe('checkpoints and compaction', () => checkpointTests(bed));
describe('checksum files', () => checksumTests(bed));
describe('in-commit timestamps', () => timeTests(bed));
describe('rows and applications', () => rowTests(bed));
describe('what a table is told to be', () => descriptionTests(bed));
describe('features that go, and logs that are cleaned up', () => featureTests(bed));
describe('writers at once', () => togetherTests(bed));
