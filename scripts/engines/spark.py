"""Spark with Delta Lake as a server: one JSON request a line on standard input, one JSON answer a line.

{"op": "checksum", "uri": …, "version"?: N} → {"rows", "sha256"}
{"op": "sql", "statement": …}               → {"rows": [[…]]}
{"op": "program", "source": …}              → whatever the Python text leaves in `answer` (`spark` is the session)
"""
import json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pyarrow as pa
from pyspark.sql import SparkSession
from deltacanon import summarize

spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")


def checksum(request):
    reader = spark.read.format("delta")
    if request.get("version") is not None:
        reader = reader.option("versionAsOf", request["version"])
    table = reader.load(request["uri"]).toArrow()
    return {k: v for k, v in summarize(table, sample=0).items() if k in ("rows", "sha256")}


def sql(request):
    return {"rows": [[str(v) if v is not None else None for v in row] for row in spark.sql(request["statement"]).collect()]}


def program(request):
    scope = {"spark": spark}
    exec(request["source"], scope)
    return {"answer": scope.get("answer")}


OPERATIONS = {"checksum": checksum, "sql": sql, "program": program}
out = os.fdopen(os.dup(1), "w", buffering=1)
print(json.dumps({"ready": spark.version}), file=out, flush=True)
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = OPERATIONS[request["op"]](request)
    except Exception as error:  # the test decides what a refusal means
        answer = {"error": f"{type(error).__name__}: {str(error)[:2000]}"}
    print(json.dumps(answer, default=str), file=out, flush=True)
