"""The tables of the history, the same on SQLite and PostgreSQL; every instant is whole seconds since 1970, in UTC.

What repeats is stored once and referred to: a certificate by its SHA-256, what an endpoint presented by its
certificates, a verdict and the lists that were asked by their content. A look that says what the one before said
extends its span.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

METADATA = MetaData()

#: SQLite counts rows by INTEGER only; PostgreSQL's INTEGER ends at two thousand million.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _Id, primary_key=True, autoincrement=True)


def _reference(name: str, to: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, _Id, ForeignKey(f"{to}.id"), nullable=nullable)


META = Table("meta", METADATA, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

#: Batches that were written: one that is delivered again is known by its name.
BATCHES = Table(
    "batches",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

ENDPOINTS = Table(
    "endpoints",
    METADATA,
    _id(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("host", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("direction", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("target", Text, nullable=False),
    Index("endpoints_by_host", "host"),
)

#: For whose mail an endpoint was looked at (``mx:contoso.com``): several domains may share a host.
DOMAINS = Table(
    "domains",
    METADATA,
    Column("endpoint_id", _Id, ForeignKey("endpoints.id"), primary_key=True),
    Column("target", Text, primary_key=True, index=True),
)

CERTIFICATES = Table(
    "certificates",
    METADATA,
    _id(),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    Column("der", LargeBinary, nullable=False),
    # What is asked for without reading the certificate; null where it cannot be read.
    Column("not_after", BigInteger, index=True),
    Column("spki_sha256", LargeBinary, index=True),
)

#: What an endpoint presented: one chain, or several where several connections met several.
PRESENTATIONS = Table(
    "presentations", METADATA, _id(), Column("digest", LargeBinary, nullable=False, unique=True)
)
PRESENTED = Table(
    "presented",
    METADATA,
    Column("presentation_id", _Id, ForeignKey("presentations.id"), primary_key=True),
    Column("chain", SmallInteger, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("certificate_id", _Id, ForeignKey("certificates.id"), nullable=False, index=True),
)

#: A state without its chains, and the lists that were asked, as JSON.
VERDICTS = Table(
    "verdicts",
    METADATA,
    _id(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("outcome", Text, nullable=False),
    Column("body", Text, nullable=False),
)
LISTS = Table(
    "lists",
    METADATA,
    _id(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("body", Text, nullable=False),
)

SPANS = Table(
    "spans",
    METADATA,
    _id(),
    _reference("endpoint_id", "endpoints"),
    _reference("verdict_id", "verdicts"),
    _reference("presentation_id", "presentations", nullable=True),
    _reference("lists_id", "lists"),
    Column("first", BigInteger, nullable=False, index=True),
    # Without an index: it moves at every look.
    Column("last", BigInteger, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("elapsed_ms", Integer, nullable=False),
    Column("error", Text),
    Index("spans_of_endpoint", "endpoint_id", "id"),
    # So that what they refer to can be removed; both are written once.
    Index("spans_of_verdict", "verdict_id"),
    Index("spans_of_presentation", "presentation_id"),
)
