"""gen_log.py OUT --adds N --kind checkpoint|json|more [--tail 20] [--commits 10000]: the log of a table without its data files, the same each time.

checkpoint: one of version 100 as pyarrow lays it out, then TAIL commits of ten adds and a remove each. json: COMMITS commits and nothing else.
more: ten commits of 100 adds each after those of a log that `checkpoint` made, which stays.
Partitioned by uf (27 values) and dt (365); statistics of eight columns. OUT.expected.json says what a listing must find for uf=SP, dt=2024-03-15."""
import argparse, datetime, json, os, random, shutil, uuid
import pyarrow as pa, pyarrow.parquet as pq

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--adds", type=int, default=1_000_000)
parser.add_argument("--kind", choices=["checkpoint", "json", "more"], default="checkpoint")
parser.add_argument("--tail", type=int, default=20)
parser.add_argument("--commits", type=int, default=10_000)
options = parser.parse_args()
log = options.out + "/_delta_log"
if options.kind != "more":
    shutil.rmtree(options.out, ignore_errors=True)
    os.makedirs(log)

STATES = "AC AL AP AM BA CE DF ES GO MA MT MS MG PA PB PR PE PI RJ RN RS RO RR SC SP SE TO".split()
DAYS = [(datetime.date(2024, 1, 1) + datetime.timedelta(days=i)).isoformat() for i in range(365)]
NAMES = ["Ana", "Bruno", "Carla", "Daniel", "Elisa", "Fábio", "Gabriela", "Heitor"]
COLUMNS = {"id": "long", "nome": "string", "email": "string", "cidade": "string", "idade": "integer", "data_cadastro": "timestamp",
           "saldo": "decimal(12,2)", "updated_at": "timestamp", "uf": "string", "dt": "date"}
SCHEMA = {"type": "struct", "fields": [{"name": n, "type": t, "nullable": True, "metadata": {}} for n, t in COLUMNS.items()]}
METADATA = {"id": str(uuid.UUID(int=7)), "format": {"provider": "parquet", "options": {}}, "schemaString": json.dumps(SCHEMA),
            "partitionColumns": ["uf", "dt"], "configuration": {}, "createdTime": 1717200000000}
PROTOCOL = {"minReaderVersion": 1, "minWriterVersion": 2}
MODIFIED = 1_700_000_000_000
chance = random.Random(5)


def place(i):
    return STATES[i % 27], DAYS[i // 27 % 365]


def add(i):
    chance.seed(i)
    uf, dt = place(i)
    rows, first = 5000 + chance.randrange(20000), i * 25000
    low, high, minute, ms = NAMES[chance.randrange(4)], NAMES[4 + chance.randrange(4)], chance.randrange(60), chance.randrange(1000)
    stats = {
        "numRecords": rows,
        "minValues": {"id": first, "nome": low + " Almeida", "email": f"{low.lower()}.{first}@example.com", "cidade": "Belo Horizonte", "idade": 16,
                      "data_cadastro": f"2015-01-01T00:{minute:02d}:11.{ms:03d}Z", "saldo": -chance.randrange(999999) / 100,
                      "updated_at": f"{dt}T03:{minute:02d}:40.{ms:03d}Z"},
        "maxValues": {"id": first + rows - 1, "nome": high + " Vieira", "email": f"{high.lower()}.{first + rows}@example.com", "cidade": "Águas do Sul",
                      "idade": 94, "data_cadastro": f"2023-12-30T23:{minute:02d}:40.{ms:03d}Z", "saldo": chance.randrange(9999999) / 100,
                      "updated_at": f"{dt}T13:{minute:02d}:40.{ms:03d}Z"},
        "nullCount": {"id": 0, "nome": 0, "email": rows // 50, "cidade": 0, "idade": 0, "data_cadastro": 0, "saldo": 0, "updated_at": 0},
    }
    name = uuid.UUID(int=chance.getrandbits(128))
    return {"path": f"uf={uf}/dt={dt}/part-{i % 200:05d}-{name}.c000.snappy.parquet", "partitionValues": {"uf": uf, "dt": dt},
            "size": 400_000 + chance.randrange(900_000), "modificationTime": MODIFIED + i, "dataChange": True,
            "stats": json.dumps(stats, ensure_ascii=False, separators=(",", ":"))}


def line(key, value):
    return json.dumps({key: value}, ensure_ascii=False, separators=(",", ":")) + "\n"


def commit(version, lines):
    info = {"timestamp": MODIFIED + version, "operation": "WRITE", "operationParameters": {"mode": "Append"}, "isBlindAppend": True, "engineInfo": "bench"}
    head = [line("protocol", PROTOCOL), line("metaData", METADATA)] if version == 0 else []
    with open(f"{log}/{version:020d}.json", "w") as file:
        file.writelines([line("commitInfo", info), *head, *lines])


TEXTS = pa.map_(pa.string(), pa.string())
ADD = pa.struct([("path", pa.string()), ("partitionValues", TEXTS), ("size", pa.int64()), ("modificationTime", pa.int64()), ("dataChange", pa.bool_()),
                 ("tags", TEXTS), ("stats", pa.string())])
CHECKPOINT = pa.schema([
    ("txn", pa.struct([("appId", pa.string()), ("version", pa.int64()), ("lastUpdated", pa.int64())])),
    ("add", ADD),
    ("remove", pa.struct([("path", pa.string()), ("deletionTimestamp", pa.int64()), ("dataChange", pa.bool_()), ("extendedFileMetadata", pa.bool_()),
                          ("partitionValues", TEXTS), ("size", pa.int64())])),
    ("metaData", pa.struct([("id", pa.string()), ("name", pa.string()), ("description", pa.string()),
                            ("format", pa.struct([("provider", pa.string()), ("options", TEXTS)])), ("schemaString", pa.string()),
                            ("partitionColumns", pa.list_(pa.string())), ("configuration", TEXTS), ("createdTime", pa.int64())])),
    ("protocol", pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32())]))])
GROUP_ROWS = 50_000


def checkpoint(version):
    metadata = {**METADATA, "format": {"provider": "parquet", "options": []}, "configuration": []}
    with pq.ParquetWriter(f"{log}/{version:020d}.checkpoint.parquet", CHECKPOINT, compression="snappy") as writer:
        writer.write_table(pa.Table.from_pylist([{"protocol": PROTOCOL}, {"metaData": metadata}], schema=CHECKPOINT))
        for start in range(0, options.adds, GROUP_ROWS):
            files = (add(i) for i in range(start, min(start + GROUP_ROWS, options.adds)))
            rows = [{"add": {**file, "partitionValues": list(file["partitionValues"].items())}} for file in files]
            writer.write_table(pa.Table.from_pylist(rows, schema=CHECKPOINT))
    with open(log + "/_last_checkpoint", "w") as hint:
        json.dump({"version": version, "size": options.adds + 2}, hint)


if options.kind == "more":
    for step in range(1, 11):
        first = options.adds + options.tail * 10 + step * 100
        commit(100 + options.tail + step, [line("add", add(i)) for i in range(first, first + 100)])
    raise SystemExit

live = set(range(options.adds))
if options.kind == "json":
    each = options.adds // options.commits
    for version in range(options.commits):
        commit(version, [line("add", add(i)) for i in range(version * each, (version + 1) * each)])
    last = options.commits - 1
else:
    checkpoint(100)
    commit(100, [])
    for step in range(1, options.tail + 1):
        old = add(step * 37)
        new = range(options.adds + (step - 1) * 10, options.adds + step * 10)
        gone = {"path": old["path"], "deletionTimestamp": MODIFIED, "dataChange": True, "extendedFileMetadata": True,
                "partitionValues": old["partitionValues"], "size": old["size"]}
        commit(100 + step, [*(line("add", add(i)) for i in new), line("remove", gone)])
        live = (live - {step * 37}) | set(new)
    last = 100 + options.tail
one = sum(place(i) == ("SP", "2024-03-15") for i in live)
with open(options.out.rstrip("/") + ".expected.json", "w") as file:
    json.dump({"version": last, "files": len(live), "selected": one}, file)
