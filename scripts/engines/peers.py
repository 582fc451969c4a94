"""delta-rs and DuckDB's Delta reader as a server: one JSON request a line on standard input, one JSON answer a line.

{"op": "checksum", "engine": "deltars" | "datafusion" | "duckdb", "uri": …, "version"?: N}  → {"rows", "sha256"}
{"op": "append", "uri": …, "ipc": base64 of an Arrow stream}                  → {"version"}
{"op": "files", "uri": …}                                                     → {"files", "version"}
{"op": "program", "source": …}  → whatever the Python text leaves in `answer` (`DeltaTable`, `write_deltalake`, `pa`, `duck`)
"storage" in a request: delta-rs's storage options. "deltars" reads through pyarrow, "datafusion" is delta-rs's own engine, which
knows more features.
"""
import base64, json, sys
import duckdb, pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from duckdb_extensions import import_extension
from deltacanon import summarize

import_extension("delta")


def duck():
    connection = duckdb.connect()
    connection.execute("LOAD delta; SET TimeZone='UTC'; SET threads=2")
    return connection


def checksum(request):
    uri, version, storage = request["uri"], request.get("version"), request.get("storage")
    if request["engine"] == "duckdb":
        if version is not None:
            raise ValueError("version is for delta-rs")
        table = duck().execute(f"SELECT * FROM delta_scan('{uri}')").to_arrow_table()
    else:
        opened = DeltaTable(uri, version=version, storage_options=storage)
        table = queried(opened) if request["engine"] == "datafusion" else opened.to_pyarrow_table()
    return {k: v for k, v in summarize(table, sample=0).items() if k in ("rows", "sha256")}


def queried(table):
    return pa.table(QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all())


def append(request):
    reader = pa.ipc.open_stream(base64.b64decode(request["ipc"]))
    write_deltalake(request["uri"], reader.read_all(), mode="append", storage_options=request.get("storage"))
    return {"version": DeltaTable(request["uri"], storage_options=request.get("storage")).version()}


def files(request):
    table = DeltaTable(request["uri"], storage_options=request.get("storage"))
    return {"files": len(table.file_uris()), "version": table.version()}


def program(request):
    scope = {"DeltaTable": DeltaTable, "write_deltalake": write_deltalake, "pa": pa, "duck": duck}
    exec(request["source"], scope)
    return {"answer": scope.get("answer")}


OPERATIONS = {"checksum": checksum, "append": append, "files": files, "program": program}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = OPERATIONS[request["op"]](request)
    except Exception as error:  # the test decides what a refusal means
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, default=str), flush=True)
