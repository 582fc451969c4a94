"""Runs the transforms of fixtures/expressions/transforms.json in Spark and writes down what came of each.

    spark-submit scripts/interop/spark_transforms.py fixtures/expressions/transforms-spark-4.2.json

One entry per transform: the columns of its result (names and types as Spark's DDL) and its rows, with values as
spark_expressions.py writes them, or the class of the error. Dates are texts.
"""

import datetime

from spark_expressions import error_class, given_in, session_with_input, text, write_cases


def value(item):
    return item.isoformat() if isinstance(item, datetime.date) else text(item)


def run(spark, transform):
    """As one query, so that names mean in GROUP BY and ORDER BY what they mean in SQL."""
    query = f"SELECT {', '.join(transform['select'])} FROM input"
    if "where" in transform:
        query += f" WHERE {transform['where']}"
    if "groupBy" in transform:
        query += f" GROUP BY {', '.join(transform['groupBy'])}"
    if "orderBy" in transform:
        query = f"SELECT * FROM ({query}) ORDER BY {', '.join(transform['orderBy'])}"
    frame = spark.sql(query)
    columns = [[field.name, field.dataType.simpleString()] for field in frame.schema]
    return {"columns": columns, "rows": [[value(item) for item in row] for row in frame.collect()]}


def main():
    spark = session_with_input(given_in("expressions.json"))
    cases = []
    for transform in given_in("transforms.json"):
        try:
            cases.append({"transform": transform, **run(spark, transform)})
        except Exception as error:
            cases.append({"transform": transform, "error": error_class(error)})
    write_cases(spark, cases)


if __name__ == "__main__":
    main()
