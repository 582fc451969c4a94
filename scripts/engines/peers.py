"""delta-rs and DuckDB's Delta reader as a server: one JSON request a line on standard input, one JSON answer a line.

{"op": "checksum", "engine": "deltars" | "duckdb", "uri": …, "version"?: N}  → {"rows", "sha256"}
{"op": "append", "uri": …, "ipc": base64 of an Arrow stream}                  → {"version"}
{"op": "files", "uri": …}                                                     → {"files", "version"}
"storage" in a request: delta-rs's storage options.
"""
import base64, json, sys
import duckdb, pyarrow as pa
from deltalake import DeltaTable, write_deltalake
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
        table = DeltaTable(uri, version=version, storage_options=storage).to_pyarrow_table()
    return {k: v for k, v in summarize(table, sample=0).items() if k in ("rows", "sha256")}


def append(request):
    reader = pa.ipc.open_stream(base64.b64decode(request["ipc"]))
    write_deltalake(request["uri"], reader.read_all(), mode="append", storage_options=request.get("storage"))
    return {"version": DeltaTable(request["uri"], storage_options=request.get("storage")).version()}


def files(request):
    table = DeltaTable(request["uri"], storage_options=request.get("storage"))
    return {"files": len(table.file_uris()), "version": table.version()}


OPERATIONS = {"checksum": checksum, "append": append, "files": files}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = OPERATIONS[request["op"]](request)
    except Exception as error:  # the test decides what a refusal means
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
