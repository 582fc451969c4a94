"""The usuario-evento job as Spark runs it: new files → dropDuplicates("id") → Delta, trigger once.  SRC TABLE CHECKPOINT"""
import json, sys
from pyspark.sql import SparkSession

source, table, checkpoint = sys.argv[1:4]
spark = SparkSession.builder.appName("usuario-evento").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
schema = "id STRING, data_hora_evento TIMESTAMP, codigo_usuario STRING, nome_usuario STRING"
query = (spark.readStream.format("parquet").schema(schema).load(source).dropDuplicates(["id"])
         .writeStream.format("delta").outputMode("append").option("checkpointLocation", checkpoint)
         .trigger(once=True).start(table))
query.awaitTermination()
print(json.dumps({"rows": sum(p.numInputRows for p in query.recentProgress)}))
spark.stop()
