#!/usr/bin/env bash
# A good engineer guesses: the CSV that a report reader makes of a TLS-RPT report says of each line which domain and
# which policy it is about; at least the example in RFC 8460 comes through whole.
# What happens (parsedmarc 11.1.0): a policy without text ("no-policy-found") stands there with the text of the policy
# before it, by which it looks like MTA-STS; lines of failures name neither domain nor kind of policy; the MX pattern is
# gone, because "mx-host-pattern" is read, RFC 8460's name for the value, and not "mx-host", its name for the key.
# `failed_session_count` holds totals and their parts in one column: the sum counts every failure twice.
# Why it matters: of a report about two domains nobody can tell from the CSV whose certificate has run out, and
# turning the policies round changes what is said of them. The JSON from the same reader has all of it but the pattern.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile parsedmarc==11.1.0
venv/bin/python - <<'PY'
import csv
import importlib.metadata
import io
import json
import sys

import parsedmarc

print("parsedmarc", importlib.metadata.version("parsedmarc"))
STS = {
    "policy": {
        "policy-type": "sts",
        "policy-string": ["version: STSv1", "mode: enforce", "mx: mail.contoso.com", "max_age: 86400"],
        "policy-domain": "contoso.com",
        "mx-host": ["mail.contoso.com"],
    },
    "summary": {"total-successful-session-count": 40, "total-failure-session-count": 3},
    "failure-details": [
        {"result-type": "certificate-expired", "receiving-mx-hostname": "mail.contoso.com", "failed-session-count": 3}
    ],
}
NONE = {
    "policy": {"policy-type": "no-policy-found", "policy-domain": "fabrikam.com"},
    "summary": {"total-successful-session-count": 7, "total-failure-session-count": 2},
    "failure-details": [
        {"result-type": "certificate-expired", "receiving-mx-hostname": "mail.contoso.com", "failed-session-count": 2}
    ],
}


def read(*policies):
    return parsedmarc.parse_smtp_tls_report_json(json.dumps({
        "organization-name": "Contoso",
        "date-range": {"start-datetime": "2026-11-01T00:00:00Z", "end-datetime": "2026-11-01T23:59:59Z"},
        "contact-info": "tlsrpt@contoso.com",
        "report-id": "1",
        "policies": policies,
    }))


def rows(*policies):
    return list(csv.DictReader(io.StringIO(parsedmarc.parsed_smtp_tls_reports_to_csv(read(*policies)))))


COLUMNS = ("policy_domain", "policy_type", "policy_strings", "mx_host_patterns", "result_type", "failed_session_count")
seen = {}
for order, policies in (("MTA-STS first", (STS, NONE)), ("MTA-STS last", (NONE, STS))):
    print(order)
    for row in (found := rows(*policies)):
        print("   ", {name: row[name] for name in COLUMNS})
    seen[order] = {row["policy_domain"]: row["policy_strings"] for row in found if row["policy_domain"]}
    if any(row["policy_domain"] or row["policy_type"] for row in found if row["result_type"]):
        sys.exit("CHANGED: lines of failures name their policy")
    if sum(int(row["failed_session_count"]) for row in found) != 10:
        sys.exit("CHANGED: five failures no longer add up to ten")
if not seen["MTA-STS first"]["fabrikam.com"].startswith("version: STSv1") or seen["MTA-STS last"]["fabrikam.com"]:
    sys.exit("CHANGED: the text of another policy is gone")
read_policy = read(STS)["policies"][0]
print("the policy as JSON:", {name: read_policy[name] for name in read_policy if name != "failure_details"})
if "mx_host_patterns" in read_policy:
    sys.exit("CHANGED: mx-host is read")
PY
echo "As described."
