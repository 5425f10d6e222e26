"""The page of limits: every bound a peer or a file can meet, read from the code."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter

_HEAD = """# Limits

Peers and files are hostile until shown otherwise: every read, line, list, search and wait has a bound, and meeting
one is said in the report. Generated from the code by `make docs`; the constants' comments name their sources.
One check of one address holds a few megabytes at most beyond the program itself. A file costs time in proportion to
its length and at most ten times its length in memory, whatever it is filled with: brackets, colons, commas, line ends,
tags, PEM blocks. A paste of 100 MB, a mail of 10,000 parts, 5,000 parts inside one another or 30 MB of base64 ends
within a minute of processor time and 1 GiB of address space (both: tests/cli/test_cli_bounds.py), and a log of any
length is streamed.

| Bound | Value | Where |
|---|---|---|
"""

_LIMITS = (
    ("probe.net.request", "TIMEOUT_S", "seconds for everything on one connection (`--timeout`)"),
    ("probe.net.resolver", "RESOLVE_TIMEOUT_S", "seconds for one name"),
    ("probe.net.resolver", "MAX_ADDRESSES", "addresses of one name that are probed"),
    ("probe.net.resolver", "MAX_EXCHANGERS", "mail exchangers of one domain that are probed"),
    ("probe.net.stream", "CONNECTION_BYTES", "bytes read from one connection"),
    ("probe.smtp.lines", "LINE_BYTES", "bytes of one SMTP line"),
    ("probe.smtp.reply", "REPLY_LINES", "lines of one SMTP reply"),
    ("probe.smtp.reply", "REPLY_BYTES", "bytes of one SMTP reply"),
    ("probe.smtp.transcript", "TRANSCRIPT_LINES", "lines kept of one conversation"),
    ("probe.smtp.transcript", "TRANSCRIPT_CHARACTERS", "characters kept of one conversation"),
    (
        "probe.net.tls_messages",
        "CERTIFICATE_MESSAGE_BYTES",
        "bytes of one Certificate message (OpenSSL's own: 100 KiB)",
    ),
    ("probe.pki.chain", "MAX_CERTIFICATES", "certificates of one presented chain that are read"),
    ("probe.pki.chain", "MAX_CERTIFICATE_BYTES", "bytes of one certificate"),
    ("probe.pki.extensions", "MAX_EXTENSIONS", "extensions of one certificate"),
    ("probe.pki.names", "MAX_ATTRIBUTES", "attributes of one name"),
    (
        "probe.pki.name_constraints",
        "MAX_COMPARISONS",
        "comparisons of names with name constraints for one chain",
    ),
    ("probe.pki.search", "MAX_PATHS", "paths explored for one chain"),
    ("probe.pki.search", "MAX_DEPTH", "certificates of one path"),
    ("probe.pki.memory", "MAX_CHAINS", "chains a run remembers at least; fewer than twice as many"),
    ("probe.pki.memory", "MAX_CERTIFICATES", "certificates and signatures a run remembers, likewise"),
    ("probe.pki.memory", "MAX_LENGTH", "certificates of a chain that is remembered"),
    ("probe.pki.memory", "MAX_BYTES", "bytes of a certificate that is remembered"),
    (
        "probe.pki.search",
        "MAX_SIGNATURE_CHECKS",
        "signature checks for one chain, large keys counting several times",
    ),
    ("probe.text", "MAX_TEXT", "characters shown of one text of a peer"),
    ("probe.cli.files", "MAX_TARGETS", "targets of one file (`check @FILE`)"),
    ("probe.pki.containers", "MAX_FILE_BYTES", "bytes of one certificate file"),
    ("probe.pki.containers", "MAX_BLOCKS", "PEM blocks of one certificate file"),
    ("probe.pki.ber", "MAX_ELEMENTS", "elements of one PKCS#7 or PFX file"),
    ("probe.pki.ber", "MAX_DEPTH", "elements inside each other, and pieces of strings, in BER"),
    ("probe.pki.pbe", "MAX_ROUNDS", "rounds of key derivation of one certificate file"),
    ("probe.pki.pbe", "MAX_SCRYPT_BYTES", "bytes that scrypt works on (128 N r p)"),
    ("probe.exchange.messages.mail", "MAX_LINES", "lines of one saved mail"),
    ("probe.exchange.messages.mail", "MAX_PARTS", "parts of one saved mail"),
    ("probe.exchange.messages.mail", "MAX_DEPTH", "saved mails inside one another"),
    (
        "probe.exchange.messages.mail",
        "MAX_CHARACTERS",
        "characters of a saved mail's parts, or of a page, together",
    ),
    ("probe.exchange.messages.outlook", "MAX_STREAMS", "streams of one Outlook file"),
    ("probe.exchange.messages.outlook", "MAX_STREAM_BYTES", "bytes of one stream of an Outlook file"),
    (
        "probe.exchange.messages.mail",
        "MAX_HEADER",
        "characters of one header of a saved mail that are decoded",
    ),
    ("probe.exchange.messages.markup", "MAX_TAG", "characters of one tag of a page"),
    ("probe.cli.files", "MAX_TEXT_BYTES", "bytes of a text for `explain` or `--text`"),
    (
        "probe.exchange.replies.recognise",
        "MAX_TEXT",
        "characters of one text in which replies are looked for",
    ),
    ("probe.exchange.replies.segments", "MAX_REPLIES", "replies of one text"),
    ("probe.exchange.replies.segments", "MAX_REPLY", "characters of one reply"),
    ("probe.exchange.replies.recognise", "MAX_FINDINGS", "findings of one text"),
    ("probe.exchange.exports.decoding", "MAX_EXPORT_BYTES", "bytes of one evidence file that is no log"),
    ("probe.exchange.exports.record", "MAX_RECORDS", "records of one export"),
    ("probe.exchange.exports.record", "MAX_FIELDS", "fields of the records of one export"),
    ("probe.exchange.exports.record", "MAX_LIST", "characters of one list in an export"),
    ("probe.exchange.exports.json_text", "MAX_RECORD", "characters of one record in JSON"),
    ("probe.exchange.exports.tables", "MAX_ROW", "characters of one row of CSV"),
    ("probe.exchange.exports.tables", "MAX_CELLS", "cells of one row of CSV that are read"),
    ("probe.exchange.exports.format_list", "MAX_LINES", "lines in which listings and tables are looked for"),
    ("probe.exchange.exports.format_list", "MAX_LINE", "characters of one such line that are read"),
    ("probe.exchange.exports.clixml", "MAX_ELEMENTS", "elements of one CLIXML file"),
    ("probe.exchange.exports.clixml", "MAX_CHARACTERS", "characters of one element of it, about"),
    ("probe.pki.der", "MAX_CHILDREN", "elements directly inside another"),
    ("probe.pki.microsoft_list", "MAX_ENTRIES", "entries of one of Microsoft's lists"),
    ("probe.exchange.problem", "MAX_PROBLEMS", "problems kept of one file"),
    ("probe.exchange.logs.rows", "MAX_LINE", "characters of one row of a log"),
    ("probe.exchange.logs.reader", "MAX_OPEN", "sessions of logs that are open at once"),
    ("probe.fleet.reader", "MAX_FILE_BYTES", "bytes of one TOML file of a fleet"),
    ("probe.fleet.reader", "MAX_TARGETS", "targets of a fleet in TOML; CSV and JSON lines are streamed"),
    ("probe.fleet.reader", "MAX_FILES", "files of one fleet"),
    ("probe.fleet.reader", "MAX_DEPTH", "files of a fleet that include one another"),
    ("probe.fleet.streams", "MAX_LINE", "characters of one line of targets"),
    ("probe.fleet.keys", "MAX_VALUE", "characters of one value of a target"),
    ("probe.fleet.keys", "MAX_VALUES", "values of one list of a target"),
    ("probe.fleet.entries", "MAX_STORE_LISTS", "different lists of stores in one fleet"),
    ("probe.fleet.summary", "MAX_ISSUERS", "issuers counted at once in a run of a fleet"),
    ("probe.fleet.summary", "MAX_CERTIFICATES", "certificates counted at once in a run of a fleet"),
    (
        "probe.cli.fleet.writer",
        "MAX_HELD",
        "endpoints of a fleet in HTML, JUnit, Nagios or Prometheus output",
    ),
    ("probe.fleet.mistakes", "MAX_MISTAKES", "mistakes of a fleet that are told"),
    ("probe.evidence_files", "MAX_FILES", "files of one run"),
    ("probe.stores.files", "MAX_FILE_BYTES", "bytes of one root list"),
    ("probe.stores.update", "MAX_DOWNLOAD_BYTES", "bytes of one download of `stores update`"),
    (
        "probe.check.options",
        "TOTAL_SHARE",
        "times `--timeout` for all connections to one address (`--total-timeout`)",
    ),
    ("probe.check.observe", "MAX_SILENCES", "connections to one address that may meet silence"),
    ("probe.check.pace", "DEFAULT_PACE.concurrency", "connections open at once in one call of `check`"),
    ("probe.check.pace", "DEFAULT_PACE.per_address_rate", "of those, begun within a second to one address"),
    ("probe.check.pace", "DEFAULT_PACE.per_network_rate", "to one /24 or /64"),
    ("probe.check.pace", "DEFAULT_PACE.per_operator_rate", "to the exchangers of one registered domain"),
    ("probe.check.engine", "LOOK_AHEAD", "addresses and names under way for each of these connections"),
    ("probe.check.names", "MAX_THREADS", "names asked about at once"),
    ("probe.check.names", "MAX_KEPT", "answers about names kept in one run"),
    (
        "probe.check.engine",
        "MAX_ASKING",
        "endpoints at once whose certificates' issuers are asked (`--revocation`)",
    ),
    ("probe.report.failed", "MAX_WORDS", "characters told of a defect's exception"),
)


def limits_page() -> str:
    """The page as Markdown, with the values the code has now."""
    rows = [
        f"| {what} | {attrgetter(name)(import_module(module)):,} | `{module}.{name}` |"
        for module, name, what in _LIMITS
    ]
    return _HEAD + "\n".join(rows) + "\n"
