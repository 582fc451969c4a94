"""The job capturar-eventos as Spark runs it: topic → headers and Avro → dropDuplicates("id") → Parquet by date, what is there now.

BROKERS SCHEMA OUTPUT CHECKPOINT: SCHEMA is the file of the one schema that all values have, behind Confluent's five bytes."""
import json, sys
from pyspark.sql import SparkSession, functions as f
from pyspark.sql.avro.functions import from_avro

brokers, schema, output, checkpoint = sys.argv[1:5]
HEADERS = ["specversion", "type", "source", "id", "time", "messageversion", "eventversion", "transactionid", "correlationid", "datacontenttype"]
spark = SparkSession.builder.appName("capturar-eventos").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
messages = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", "transmissao-efetuada")
            .option("startingOffsets", "earliest").option("includeHeaders", "true").load())


def header(name):
    text = f.expr(f"cast(element_at(map_from_entries(headers), '{name}') as string)")
    return (text.cast("timestamp") if name == "time" else text).alias(name)


rows = (messages.select("topic", "partition", "offset", "timestamp", "key", *[header(name) for name in HEADERS],
                        from_avro(f.expr("substring(value, 6)"), open(schema).read()).alias("payload"))
        .withColumn("date", f.to_date("time")).dropDuplicates(["id"]))
query = (rows.writeStream.format("parquet").partitionBy("date").option("checkpointLocation", checkpoint)
         .trigger(availableNow=True).start(output))
query.awaitTermination()
print(json.dumps({"rows": sum(p.numInputRows for p in query.recentProgress)}))
spark.stop()
