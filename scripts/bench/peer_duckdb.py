"""DuckDB's Delta reader, one operation per process.  partition TABLE | all TABLE: the log read, and the files listed."""
import json, sys
import duckdb
from duckdb_extensions import import_extension

import_extension("delta")
operation, table = sys.argv[1:]
connection = duckdb.connect()
connection.execute("LOAD delta; SET threads=2")
if operation == "partition":
    where = "uf = 'SP' AND dt = '2024-03-15'"
    connection.execute(f"EXPLAIN SELECT count(*) FROM delta_scan('{table}') WHERE {where}").fetchall()
    print(json.dumps({}))
else:
    rows = connection.execute(f"SELECT count(*) FROM delta_list_files('{table}')").fetchall()
    print(json.dumps({"files": rows[0][0]}))
