/** Spark's streaming jobs as its users write them, on the topic of the pipeline, and a session that can be killed. */

import { type EngineProcess, required, startSpark } from './engines.ts';

/** The columns of a source of record, made by Spark: `events(limit)` decodes the values, `messages(limit)` leaves them. */
const PRELUDE = `
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import from_avro
from delta.tables import DeltaTable
from deltacanon import summarize

def topic_of(limit):
    return (spark.readStream.format("kafka").option("kafka.bootstrap.servers", BROKERS).option("subscribe", TOPIC)
        .option("startingOffsets", "earliest").option("includeHeaders", "true").option("maxOffsetsPerTrigger", limit).load())

def header(name):
    return F.expr(f"cast(try_element_at(filter(headers, h -> h.key = '{name}'), -1).value as string)")

def messages(limit):
    return topic_of(limit).select("topic", "partition", "offset", "timestamp", "key",
        *[header(name).alias(name) for name in HEADERS], header("time").cast("timestamp").alias("time"), "value")

def events(limit):
    payload = from_avro(F.expr("substring(value, 6, length(value) - 5)"), SCHEMA, {"mode": "PERMISSIVE"})
    return messages(limit).withColumn("date", F.to_date("time")).withColumn("payload", payload).drop("value")

def write(frame, kind, place, checkpoint, by=()):
    return (frame.writeStream.format(kind).option("checkpointLocation", checkpoint).outputMode("append").partitionBy(*by)
        .trigger(availableNow=True).start(place))

def summary(frame):
    found = summarize(frame.toArrow(), sample=0)
    return {"rows": found["rows"], "sha256": found["sha256"]}
`;

export class SparkBed {
  readonly #prelude: string;
  #engine: EngineProcess | null = null;
  #pid = 0;

  constructor(values: {
    readonly topic: string;
    readonly schema: string;
    readonly headers: readonly string[];
  }) {
    this.#prelude = [
      `BROKERS = ${JSON.stringify(required('KAFKA_BROKERS'))}`,
      `TOPIC = ${JSON.stringify(values.topic)}`,
      `SCHEMA = ${JSON.stringify(values.schema)}`,
      `HEADERS = ${JSON.stringify(values.headers)}`,
      PRELUDE,
    ].join('\n');
  }

  /** Runs a program in the session, which starts with the first one; resolves to what it leaves in `answer`. */
  async run(program: string): Promise<unknown> {
    const engine = (this.#engine ??= await this.#start());
    const { answer } = await engine.ask({
      op: 'program',
      source: `${this.#prelude}\n${program}`,
    });
    return answer;
  }

  /** SIGKILL for the JVM, with every query that runs in it. */
  async kill(): Promise<void> {
    process.kill(this.#pid, 'SIGKILL');
    await this.stop();
  }

  async stop(): Promise<void> {
    await this.#engine?.stop();
    this.#engine = null;
  }

  async #start(): Promise<EngineProcess> {
    const engine = await startSpark();
    const { answer } = await engine.ask({
      op: 'program',
      source: 'answer = spark._jvm.java.lang.ProcessHandle.current().pid()',
    });
    this.#pid = Number(answer);
    return engine;
  }
}
