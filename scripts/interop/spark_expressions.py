"""Evaluates the expressions of fixtures/expressions/expressions.json in Spark and writes down what came of each.

    spark-submit scripts/interop/spark_expressions.py fixtures/expressions/spark-4.2.json

One entry per expression: its type (as Spark's DDL) and one value per row, or the class of the error. Values are texts:
numbers as Python prints them, decimals in full, dates as days and timestamps as microseconds since the epoch, binary in
hex; null, true and false are themselves; arrays, maps and structs are lists.
"""

import decimal
import json
import os
import sys

from pyspark.sql import SparkSession


def text(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return [[text(key), text(item)] for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [text(item) for item in value]
    return repr(value)


def quoted(value):
    return "r'" + value + "'" if "'" not in value else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def scalar(value, ddl):
    if value is None:
        return f"CAST(NULL AS {ddl})"
    if ddl == "binary":
        return f"X'{value}'"
    return f"CAST({quoted(value)} AS {ddl})"


def cell(value, ddl):
    if value is None:
        return f"CAST(NULL AS {ddl})"
    if ddl.startswith("array"):
        return f"CAST(array({', '.join(scalar(item, 'int') for item in value)}) AS {ddl})"
    if ddl.startswith("map"):
        pairs = ", ".join(f"{scalar(key, 'string')}, {scalar(item, 'int')}" for key, item in value)
        return f"CAST(map({pairs}) AS {ddl})"
    if ddl.startswith("struct"):
        return f"named_struct('a', {scalar(value[0], 'int')}, 'b', {scalar(value[1], 'string')})"
    return scalar(value, ddl)


def error_class(error):
    name = getattr(error, "getCondition", lambda: None)() or getattr(error, "getErrorClass", lambda: None)()
    return name or str(error).strip().splitlines()[0][:120]


def evaluate(spark, expression, count):
    try:
        frame = spark.sql(f"SELECT {expression} AS v FROM input ORDER BY row")
        kind = frame.schema["v"].dataType.simpleString()
    except Exception as error:  # the analysis failed: the same for all rows
        return {"error": error_class(error)}
    inner = expression
    if kind in ("timestamp", "timestamp_ntz"):
        inner = f"unix_micros(CAST(({expression}) AS timestamp))"
    if kind == "date":  # Python has no year 10000
        inner = f"unix_date({expression})"
    try:
        rows = spark.sql(f"SELECT {inner} AS v FROM input ORDER BY row").collect()
        return {"type": kind, "values": [text(row["v"]) for row in rows]}
    except Exception:
        pass
    values = []
    for row in range(count):
        try:
            [found] = spark.sql(f"SELECT {inner} AS v FROM input WHERE row = {row}").collect()
            values.append(text(found["v"]))
        except Exception as error:
            values.append({"error": error_class(error)})
    return {"type": kind, "values": values}


def given_in(name):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../../fixtures/expressions", name), encoding="utf8") as file:
        return json.load(file)


def session_with_input(given):
    """A session in which the rows of `given` are the view `input`, each with its number as `row`."""
    os.environ["TZ"] = "UTC"
    spark = (
        SparkSession.builder.config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    selects = []
    for number, row in enumerate(given["rows"]):
        cells = [f"{cell(row[name], ddl)} AS {name}" for name, ddl in given["columns"].items()]
        selects.append(f"SELECT {number} AS row, {', '.join(cells)}")
    spark.sql(" UNION ALL ".join(selects)).coalesce(1).localCheckpoint().createOrReplaceTempView("input")
    return spark


def write_cases(spark, cases):
    lines = ",\n".join("    " + json.dumps(case, ensure_ascii=False) for case in cases)
    with open(sys.argv[1], "w", encoding="utf8") as file:
        file.write(f'{{\n  "spark": "{spark.version}",\n  "cases": [\n{lines}\n  ]\n}}\n')


def main():
    given = given_in("expressions.json")
    spark = session_with_input(given)
    cases = []
    for expression in given["expressions"]:
        cases.append({"expression": expression, **evaluate(spark, expression, len(given["rows"]))})
    write_cases(spark, cases)


if __name__ == "__main__":
    main()
