#!/usr/bin/env python3
"""Seeded events of the usuarios pipeline: id (UUID text), data_hora_evento, codigo_usuario, nome_usuario.

  gen_eventos.py OUT

OUT/base/eventos-00000.parquet …   40 files of 250,000 rows, 10 M distinct ids, rows in order of time
OUT/novos-10000/, OUT/novos-100000/   one file each: new events, 1 % of them with an id of the base, 1 % doubled within the file
The same seed gives the same rows on every machine."""
import os, sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq

SEED = 20240608
FIRST = "Ana Maria João José Pedro Paulo Lucas Luiz Carlos Marcos Gabriel Rafael Bruno Fernanda Juliana Patrícia Conceição Inês Thaís Vinícius".split()
LAST = "Silva Santos Oliveira Souza Rodrigues Ferreira Alves Pereira Lima Gomes Araújo Magalhães Assunção Brandão Leão".split()
NAMES = pa.array([f"{a} {b}" for a in FIRST for b in LAST])
START = 1_717_200_000_000_000


def uuids(first, count):
    """Texts that look random and are a function of the number: a bijective mix of the index, printed as a UUID."""
    x = np.arange(first, first + count, dtype=np.uint64)
    def mix(v, k):
        v = (v ^ (v >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(k)
        v = (v ^ (v >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return v ^ (v >> np.uint64(31))
    raw = np.empty((count, 16), np.uint8)
    raw[:, :8] = mix(x, SEED).byteswap().view(np.uint8).reshape(count, 8)
    raw[:, 8:] = mix(x, SEED * 3).byteswap().view(np.uint8).reshape(count, 8)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.full((count, 36), ord("-"), np.uint8)
    places = [i for i in range(36) if i not in (8, 13, 18, 23)]
    text[:, places[0::2]] = digits[raw >> 4]
    text[:, places[1::2]] = digits[raw & 15]
    offsets = pa.py_buffer(np.arange(0, (count + 1) * 36, 36, dtype=np.int32).tobytes())
    return pa.Array.from_buffers(pa.string(), count, [None, offsets, pa.py_buffer(text.tobytes())])


def table(ids, rng, start):
    n = len(ids)
    users = rng.integers(0, 2_000_000, n)
    return pa.table({
        "id": ids,
        "data_hora_evento": pa.array(np.sort(start + rng.integers(0, 3_600_000_000, n))).cast(pa.timestamp("us", "UTC")),
        "codigo_usuario": pa.array(np.char.add("U", users.astype(str))),
        "nome_usuario": NAMES.take(pa.array(users % len(NAMES))),
    })


def write(t, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pq.write_table(t, path, compression="snappy", row_group_size=1 << 20, coerce_timestamps="us", store_schema=False)


def main(out):
    size = 250_000
    for k in range(40):
        path = f"{out}/base/eventos-{k:05d}.parquet"
        if not os.path.exists(path):
            write(table(uuids(k * size, size), np.random.default_rng([SEED, k]), START + k * 3_600_000_000), path)
    for n in (10_000, 100_000):
        path = f"{out}/novos-{n}/eventos-novos.parquet"
        if not os.path.exists(path):
            one = n // 100
            new = uuids(50_000_000 + n, n - 2 * one)
            old = uuids(1_234_567, one)
            ids = pa.concat_arrays([new, old, new.slice(0, one)])
            write(table(ids, np.random.default_rng([SEED, n]), START + 40 * 3_600_000_000), path)


main(sys.argv[1])
