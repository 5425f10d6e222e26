"""The report as JSON, schema ``eop-probe/report/1``: names, order and null rules outsiders rely on.

The committed schema is ``docs/schema/report-1.schema.json``; keys may be added, none renamed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from probe.capture import Capture, Fault, SmtpFacts, TlsFacts
from probe.eop.connections import connections_words, key_answers
from probe.eop.evidence import Evidence, Observation, StorePath
from probe.eop.finding import Finding
from probe.eop.forecast import Turn
from probe.eop.verdict import Prediction
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.der import DerError
from probe.pki.path import PathElement
from probe.pki.status import Purpose
from probe.render.page.steps import commands_json, steps_json
from probe.render.report.facts import PURPOSES, instant
from probe.report.assessment import Assessment, Report
from probe.smtp.transcript import TranscriptLine

if TYPE_CHECKING:
    from probe.eop.vocabulary import LeftOut
    from probe.pki.revocation_status import CertificateStanding
    from probe.render.page.options import RenderOptions

SCHEMA = "eop-probe/report/1"

_BY_OID = [(purpose, PURPOSES[purpose.value]) for purpose in sorted(Purpose, key=lambda each: each.value)]

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


def render(report: Report, options: RenderOptions) -> str:  # noqa: ARG001 - every renderer is called alike
    """Render one document, as `dumps` does."""
    return dumps(report)


def dumps(report: Report) -> str:
    """One document, indented by two, ASCII only, with a line end."""
    document = head(report) | {"assessments": [element(assessment) for assessment in report.assessments]}
    return json.dumps(document, indent=2) + "\n"


def lines(report: Report) -> str:
    """JSON Lines: each line one element of `assessments`."""
    return "".join(map(line, report.assessments))


def line(assessment: Assessment, **more: Json) -> str:
    """One line, as ``json.dumps`` writes it; a certificate's text, which is the most of it, is made once."""
    presented = assessment.capture.presented
    chain = ", ".join(
        entry.once(_text) if isinstance(entry, Certificate) else json.dumps(_unreadable(entry))
        for entry in (presented.entries if presented else ())
    )
    before, after = json.dumps(_observed(assessment)), json.dumps(_judged(assessment) | more)
    return f'{before[:-1]}, "presented_chain": [{chain}], {after[1:]}\n'


def _text(certificate: Certificate) -> str:
    return json.dumps(_certificate(certificate))


def head(report: Report) -> dict[str, Json]:
    """What stands before the assessments."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "eop-probe", "version": report.version},
        "generated_at": instant(report.generated_at),
        "outcome": report.outcome.value,
    }


def element(assessment: Assessment) -> dict[str, Json]:
    """One element of `assessments`."""
    chain = _chain(assessment.capture)
    return {**_observed(assessment), "presented_chain": chain, **_judged(assessment)}


def _observed(assessment: Assessment) -> dict[str, Json]:
    capture = assessment.capture
    return {
        "target": assessment.target,
        "host": capture.host,
        "address": capture.address,
        "port": capture.port or None,  # a file has none
        "started_at": instant(assessment.started_at),
        "elapsed_ms": assessment.elapsed_ms,
        "outcome": assessment.outcome.value,
        "predictions": [_prediction(made) for made in assessment.predictions],
        "findings": [_finding(finding) for finding in assessment.findings],
        "smtp": _smtp(capture.smtp) if capture.smtp else None,
        "tls": _tls(capture.tls) if capture.tls else None,
    }


def _judged(assessment: Assessment) -> dict[str, Json]:
    capture = assessment.capture
    return {
        "stores": [_store(store) for store in assessment.stores],
        "error": _error(assessment.error) if assessment.error else None,
        "judged_at": instant(assessment.evidence.at),
        "mx_preference": assessment.mx_preference,
        "presented_dropped": capture.presented.dropped if capture.presented else 0,
        "connections": connections_words(assessment.evidence),
        "key_types": _key_types(assessment.evidence),
        "observations": [_observation(observation) for observation in assessment.evidence.observations],
        "revocation": _revocation(assessment.evidence.revocation),
        "forecast": [_turn(turn) for turn in assessment.forecast],
        **({"vantage": assessment.vantage} if assessment.vantage else {}),
        **({"left_out": [*map(_left_out, left)]} if (left := assessment.evidence.left_out) else {}),
        **_outbound(assessment.evidence),
    }


def _outbound(evidence: Evidence) -> dict[str, Json]:
    """What was looked at besides; most checks look at nothing, and load nothing for it."""
    if evidence.outbound is None:
        return {}
    from probe.render.report.outbound import outbound_json

    return {"outbound": outbound_json(evidence.outbound)}


def _left_out(left: LeftOut) -> Json:
    return {"what": left.what, "of": left.of, "found": left.found, "names": left.names}


def _revocation(standings: tuple[CertificateStanding, ...] | None) -> Json:
    return {
        "checked": standings is not None,
        "certificates": [
            {
                "sha256": each.certificate.sha256,
                "status": each.answer.standing.value,
                "source": each.source.value if each.source else None,
                "detail": each.answer.detail,
                "revoked_at": instant(each.answer.since),
            }
            for each in standings or ()
        ],
    }


def _turn(turn: Turn) -> Json:
    return {
        "at": instant(turn.at),
        "outcome": turn.outcome.value,
        "rule": turn.rule,
        "reason": turn.reason,
        "renewal_only": turn.renewal_only,
    }


def _prediction(made: Prediction) -> Json:
    return {
        "direction": made.direction.value,
        "outcome": made.outcome.value,
        "reply": made.reply,
        "rule": made.rule,
        "confidence": made.confidence.value,
        "basis": made.basis.value,
    }


def _finding(finding: Finding) -> Json:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "summary": finding.summary,
        "detail": finding.detail,
        "remedy": steps_json(finding.remedy),
        "references": finding.references,
        "reply": finding.reply,
        "commands": commands_json(finding.remedy),
    }


def _smtp(smtp: SmtpFacts) -> Json:
    return {
        "banner": smtp.banner,
        "ehlo": smtp.ehlo,
        "starttls_offered": smtp.starttls_offered,
        "transcript": [_line(line) for line in smtp.transcript],
        "plaintext_after_starttls": smtp.plaintext_after_starttls,
    }


def _line(line: TranscriptLine) -> Json:
    return {"at_ms": line.at_ms, "from": line.speaker, "text": line.text}


def _tls(tls: TlsFacts) -> Json:
    return {
        "version": tls.version,
        "cipher": tls.cipher,
        "client_certificate_requested": tls.client_certificate_requested,
        "group": tls.group,
        "early_session_ticket": tls.early_ticket,
    }


def _chain(capture: Capture) -> list[Json]:
    if capture.presented is None:
        return []
    return [
        _certificate(entry) if isinstance(entry, Certificate) else _unreadable(entry)
        for entry in capture.presented.entries
    ]


def _certificate(certificate: Certificate) -> Json:
    purposes, fault = _purposes(certificate)
    return {
        "subject": certificate.subject.windows,
        "issuer": certificate.issuer.windows,
        "serial": certificate.serial_hex.lower(),
        "sha1": certificate.sha1,
        "sha256": certificate.sha256,
        "not_before": instant(certificate.not_before),
        "not_after": instant(certificate.not_after),
        "dns_names": certificate.dns_names,
        "key": certificate.key,
        "signature": certificate.signature_name,
        "eku": purposes,
        "self_signed": certificate.self_signed,
        "pem": certificate.pem,
        "unreadable": certificate.extensions_fault or fault,
    }


def _purposes(certificate: Certificate) -> tuple[list[str], str | None]:
    """The purposes by name, empty where none are stated; and why they can't be read, if they can't."""
    try:
        return [PURPOSES.get(oid, oid) for oid in certificate.extended_key_usage or ()], None
    except DerError as error:
        return [], f"extended key usage: {error}"


def _unreadable(entry: Unreadable) -> Json:
    """What is no certificate still has its bytes, and so their hashes."""
    nothing = ("not_before", "not_after", "dns_names", "key", "signature", "eku", "self_signed")
    return {
        "subject": None,
        "issuer": None,
        "serial": None,
        "sha1": entry.sha1,
        "sha256": entry.sha256,
        **dict.fromkeys(nothing),
        "pem": entry.pem,
        "unreadable": entry.reason,
    }


def _store(store: StorePath) -> Json:
    path = store.best()
    root = path.root
    return {
        "name": store.name,
        "dated": instant(store.dated),
        "trusted": store.trusted,
        "status": path.status.names(),
        "path": [element.certificate.sha256 for element in path.elements],
        "elements": [_element(element) for element in path.elements],
        "root_state": root.state.value if root else None,
        "root_since": instant(root.since) if root else None,
        "ssl_policy_error": path.ssl_policy_error,
        "purposes": {
            name: store.paths[purpose].trusted for purpose, name in _BY_OID if purpose in store.paths
        },
        "limits": path.limits,
        "unevaluated": path.unevaluated,
        "role": store.role.value,
        "stand_in": store.stand_in,
    }


def _element(element: PathElement) -> Json:
    own = element.certificate.once(_brief)
    return {**own, "source": element.source.value, "status": element.status.names()}


def _brief(certificate: Certificate) -> dict[str, Json]:
    return {
        "subject": certificate.subject.windows,
        "sha256": certificate.sha256,
        "not_after": instant(certificate.not_after),
    }


def _error(fault: Fault) -> Json:
    return {
        "phase": fault.phase.value,
        "message": fault.message,
        "server_text": fault.server_text,
        "kind": fault.kind.value,
    }


def _key_types(evidence: Evidence) -> Json:
    answers = key_answers(evidence)
    return {kind: answer.value for kind, answer in answers.items()} if answers else None


def _observation(observation: Observation) -> Json:
    """One of several connections: how it was made, which certificate it showed, what came of it."""
    capture = observation.capture
    entries = capture.presented.entries if capture.presented else ()
    return {
        "variant": capture.how.label,
        "sample": capture.how.sample or None,
        "key_type": capture.how.key_type or None,
        "sni": capture.how.sni,
        "answer": capture.answer.value,
        "outcome": observation.outcome.value,
        "chain": [entry.sha256 for entry in entries],
        "error": _error(capture.fault) if capture.fault else None,
    }
