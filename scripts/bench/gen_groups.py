#!/usr/bin/env python3
"""gen_groups.py IN OUT: the same files in row groups of a tenth of their rows."""
import glob, os, sys
import pyarrow.parquet as pq

source, out = sys.argv[1:3]
os.makedirs(out, exist_ok=True)
for path in sorted(glob.glob(source + "/*.parquet")):
    target = f"{out}/{os.path.basename(path)}"
    if not os.path.exists(target):
        t = pq.read_table(path)
        pq.write_table(t, target, compression="snappy", row_group_size=t.num_rows // 10, coerce_timestamps="us", store_schema=False)
