#!/usr/bin/env python3
"""gen_ns.py IN OUT: the same files with timestamps in nanoseconds, whose bytes may not enter a Delta table as they are."""
import glob, os, sys
import pyarrow as pa
import pyarrow.parquet as pq

source, out = sys.argv[1:3]
os.makedirs(out, exist_ok=True)
for path in sorted(glob.glob(source + "/*.parquet")):
    target = f"{out}/{os.path.basename(path)}"
    if not os.path.exists(target):
        t = pq.read_table(path)
        for i, field in enumerate(t.schema):
            if str(field.type).startswith("timestamp"):
                t = t.set_column(i, field.name, t.column(i).cast(pa.timestamp("ns", "UTC")))
        pq.write_table(t, target, compression="snappy", row_group_size=1 << 20, store_schema=False, version="2.6")
