"""read.py URI COLUMN…: the rows of a table as delta-rs reads them, one JSON array a line. AWS_* variables name the store."""
import json, os, sys
from deltalake import DeltaTable

uri, *columns = sys.argv[1:]
storage = None
endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
if uri.startswith("s3://") and endpoint:
    storage = {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": os.environ.get("AWS_REGION", "us-east-1")}
for batch in DeltaTable(uri, storage_options=storage).to_pyarrow_dataset().to_batches(columns=columns):
    for row in batch.to_pylist():
        print(json.dumps([row[c] for c in columns], default=str, ensure_ascii=False))
