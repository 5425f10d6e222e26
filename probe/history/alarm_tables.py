"""The tables of alarms and of the messages about them; their content is `probe.alarms`' own."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text

METADATA = MetaData()

ALARMS = Table(
    "alarms", METADATA, Column("key", Text, primary_key=True), Column("body", Text, nullable=False)
)

#: What was to be told, once; and every batch of looks that was taken, as it may come again.
MESSAGES = Table(
    "messages",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("body", Text, nullable=False),
)
TAKEN = Table(
    "alarm_batches",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
)

#: A message to one channel: `state` is waiting, sent or given-up; `due` is when it is tried next.
DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("message", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("said", Text, nullable=False),
    Index("deliveries_due", "channel", "state", "due"),
)
