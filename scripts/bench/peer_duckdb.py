"""DuckDB's Delta reader, one operation per process.  partition TABLE | all TABLE: the log read, and the files listed.
rows TABLE COLUMNS CONDITION: the rows of a table in Python objects | query SQL"""
import json, sys
import duckdb
from duckdb_extensions import import_extension

import_extension("delta")
operation, *args = sys.argv[1:]
connection = duckdb.connect()
connection.execute("LOAD delta; SET threads=2")
if operation == "partition":
    where = "uf = 'SP' AND dt = '2024-03-15'"
    connection.execute(f"EXPLAIN SELECT count(*) FROM delta_scan('{args[0]}') WHERE {where}").fetchall()
    print(json.dumps({}))
elif operation == "all":
    rows = connection.execute(f"SELECT count(*) FROM delta_list_files('{args[0]}')").fetchall()
    print(json.dumps({"files": rows[0][0]}))
elif operation == "rows":
    table, columns, where = args
    rows = connection.execute(f"SELECT {columns} FROM delta_scan('{table}') WHERE {where}").fetchall()
    print(json.dumps({"rows": len(rows)}))
elif operation == "query":
    print(json.dumps({"rows": len(connection.execute(args[0]).fetchall())}))
