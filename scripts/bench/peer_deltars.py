"""delta-rs, one operation per process.  append SRC TABLE | merge SRCFILE TABLE | delete CONDITION TABLE | update CONDITION COLUMN VALUE TABLE
compact TABLE | scan TABLE | seq TABLE N | seq_kept TABLE N | partition TABLE | all TABLE (files with their statistics) | checkpoint TABLE
writers TABLE W N (W processes that append N times each, at once)"""
import json, subprocess, sys, time
import pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq
from deltalake import DeltaTable, WriterProperties, write_deltalake

operation, *args = sys.argv[1:]
result = {}
if operation == "append":
    write_deltalake(args[1], ds.dataset(args[0], format="parquet").scanner().to_reader(), mode="append")
elif operation == "merge":
    metrics = (DeltaTable(args[1]).merge(source=pq.read_table(args[0]), predicate="t.id = s.id", source_alias="s", target_alias="t")
               .when_matched_update_all().when_not_matched_insert_all().execute())
    result.update({k: v for k, v in metrics.items() if k.startswith("num")})
elif operation == "delete":
    metrics = DeltaTable(args[1]).delete(args[0], writer_properties=WriterProperties(compression="SNAPPY"))
    result.update({k: v for k, v in metrics.items() if k.startswith("num")})
elif operation == "update":
    metrics = DeltaTable(args[3]).update(updates={args[1]: args[2]}, predicate=args[0], writer_properties=WriterProperties(compression="SNAPPY"))
    result.update({k: v for k, v in metrics.items() if k.startswith("num")})
elif operation == "compact":
    metrics = DeltaTable(args[0]).optimize.compact(writer_properties=WriterProperties(compression="SNAPPY"))
    result.update({k: v for k, v in metrics.items() if k.startswith("numFiles")})
elif operation == "scan":
    import duckdb
    files = DeltaTable(args[0]).file_uris()
    connection = duckdb.connect(config={"threads": 1})
    for _ in range(5):
        connection.execute("SELECT max(id), max(nome), max(email), max(cidade), max(uf), max(idade), max(data_cadastro), max(saldo), max(ativo),"
                           " max(updated_at) FROM read_parquet(?)", [files]).fetchall()
elif operation == "partition":
    result["files"] = len(DeltaTable(args[0]).file_uris(partition_filters=[("uf", "=", "SP"), ("dt", "=", "2024-03-15")]))
elif operation == "all":
    result["files"] = DeltaTable(args[0]).get_add_actions(flatten=True).num_rows
elif operation == "checkpoint":
    DeltaTable(args[0]).create_checkpoint()
elif operation == "writers":
    write_deltalake(args[0], pa.table({"id": pa.array([-1], pa.int64()), "v": ["x"]}))
    command = [sys.executable, __file__, "writer", args[0], args[2]]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(int(args[1]))]
    for child in children:
        child.stdout.readline()
    begin = time.perf_counter()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    failed = sum(json.loads(child.stdout.readline())["failed"] for child in children)
    done = int(args[1]) * int(args[2]) - failed
    result.update(commits_per_s=round(done / (time.perf_counter() - begin), 1), failed=failed)
elif operation == "writer":
    print("ready", flush=True)
    sys.stdin.readline()
    result["failed"] = 0
    for i in range(int(args[1])):
        try:
            write_deltalake(args[0], pa.table({"id": pa.array([i], pa.int64()), "v": ["x"]}), mode="append")
        except Exception:
            result["failed"] += 1
elif operation in ("seq", "seq_kept"):
    kept = None
    begin = time.perf_counter()
    for i in range(int(args[1])):
        row = pa.table({"id": pa.array([i], pa.int64()), "v": ["x"]})
        write_deltalake(kept or args[0], row, mode="append")
        if operation == "seq_kept":
            kept = kept or DeltaTable(args[0])
    result["commits_per_s"] = round(int(args[1]) / (time.perf_counter() - begin), 1)
print(json.dumps(result))
