#!/usr/bin/env bash
# A good engineer guesses: `with engine.begin()` in SQLAlchemy is one SQLite transaction: its reads see one state of the
# database, and a migration that fails half-way is undone.
# What happens (SQLAlchemy 2.1.9, Python's sqlite3): BEGIN is sent before the first INSERT, UPDATE or DELETE, and before
# nothing else. Two SELECTs see different data; CREATE TABLE survives the rollback if it comes first, and is
# undone if an INSERT comes before it. An event that sends BEGIN itself (isolation_level None) gives what was guessed.
# Why it matters: whether a failed migration leaves tables behind depends on the order of its statements, and a report
# made of two queries does not add up while another process writes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile sqlalchemy==2.1.9
venv/bin/python - <<'PY'
import sqlite3
import sys

import sqlalchemy as sa

print("SQLAlchemy", sa.__version__, "SQLite", sqlite3.sqlite_version, "Python", sys.version.split()[0])


class Undo(Exception):
    pass


def engine_of(file, own_begin):
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("CREATE TABLE seen (x)")
    engine.dispose()
    if own_begin:
        @sa.event.listens_for(engine, "connect")
        def manual(connection, _):
            connection.isolation_level = None

        @sa.event.listens_for(engine, "begin")
        def begin(connection):
            connection.exec_driver_sql("BEGIN")
    return engine


def left_behind(engine, *statements):
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            raise Undo
    except Undo:
        return sorted(set(sa.inspect(engine).get_table_names()) - {"seen"})


def two_counts(engine, writer):
    with engine.begin() as connection:
        first = connection.exec_driver_sql("SELECT count(*) FROM seen").scalar()
        with writer.begin() as other:
            other.exec_driver_sql("INSERT INTO seen VALUES (1)")
        return first, connection.exec_driver_sql("SELECT count(*) FROM seen").scalar()


CREATE, INSERT = "CREATE TABLE half (x)", "INSERT INTO seen VALUES (0)"
for own_begin, wanted in ((False, (["half"], [], (0, 1))), (True, ([], [], (0, 0)))):
    found = []
    for case, statements in enumerate(((CREATE, INSERT), (INSERT, CREATE))):
        engine = engine_of(f"{own_begin}-{case}.db", own_begin)
        found.append(left_behind(engine, *statements))
        engine.dispose()
    engine = engine_of(f"{own_begin}-reads.db", own_begin)
    found.append(two_counts(engine, sa.create_engine(engine.url)))
    print(
        "own BEGIN:" if own_begin else "as it comes:",
        f"after the rollback of CREATE, INSERT {found[0]}, of INSERT, CREATE {found[1]}; counts {found[2]}",
    )
    if tuple(found) != wanted:
        sys.exit(f"CHANGED: expected {wanted}")
PY
echo "As described."
