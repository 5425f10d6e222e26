"""What Exchange Online, as the sender, says of a domain's MTA-STS policy and DANE records (each as 4.x, then 5.x)."""

from __future__ import annotations

from probe import powershell
from probe.exchange.replies import wording
from probe.exchange.replies.entry import Entry, Flow
from probe.exchange.replies.sources import NDR

#: What the seven codes of the article's table have in common.
_POLICY = Entry(
    flow=Flow.FROM_EOP,
    judge="Exchange Online, as the sender, refuses your domain's mail server by MTA-STS or DANE.",
    check=(
        "See what Exchange Online looks at: DNSSEC, TLSA records, the MTA-STS policy, and each MX host's chain:",
        powershell.eop_probe(
            "check", "mx:<domain>", direction="from-eop", dnssec_resolver="<resolver that validates>"
        ),
    ),
    references=(NDR,),
)


ENTRIES = (
    _POLICY._replace(
        id="mta-sts-host",
        title="An MX host is not in the MTA-STS policy",
        codes=("4.4.8", "5.4.8"),
        words=r".{0,80}?\bfailed MTA-STS validation",
        examples=(
            f"450 {wording.HOST_MTA_STS.format(domain='contoso.com')}",
            "550 5.4.8 MX hosts of contoso.com failed MTA-STS validation",
        ),
        meaning="The MX host that Exchange Online found does not stand in the domain's MTA-STS policy.",
        causes=("The policy was not changed along with the MX record.",),
        remedy=("Bring the mx lines of the policy and the MX records together, and change the policy's id.",),
        rule="mta-sts-host",
    ),
    _POLICY._replace(
        id="mta-sts-certificate",
        title="The certificate fails MTA-STS",
        codes=("4.7.5", "5.7.5"),
        words=r".{0,10}?Remote certificate failed MTA-STS validation(?:\. Reason: ?(?P<token>\w{1,64}))?",
        examples=(
            f"450 {wording.CERTIFICATE_MTA_STS.format(status='UntrustedRoot')}",
            "550 5.7.5 Remote certificate failed MTA-STS validation. Reason: SubjectMismatch",
        ),
        meaning="The certificate has no trusted root, or none of its names is the MX host's name.",
        causes=("Self-signed certificate, missing intermediate, or another host's certificate.",),
        remedy=("Present a certificate of a public CA with the MX host's name, and its intermediates.",),
        rule="mta-sts-certificate",
    ),
    _POLICY._replace(
        id="dane-no-starttls",
        title="No TLS where DANE demands it",
        codes=("4.7.321", "5.7.321"),
        words=r".{0,10}?(?P<token>starttls-not-supported)",
        examples=(
            wording.STARTTLS_DANE,
            "550 5.7.321 starttls-not-supported: Destination mail server must support TLS to receive mail.",
        ),
        meaning="No STARTTLS was offered, or the TLS handshake failed: the code stands for both.",
        causes=("A firewall takes STARTTLS out.", "The handshake fails."),
        remedy=(powershell.ENABLE_TLS,),
        rule="no-starttls",
    ),
    _POLICY._replace(
        id="dane-expired",
        title="The certificate has expired",
        codes=("4.7.322", "5.7.322"),
        words=r".{0,10}?(?P<token>certificate-expired)",
        examples=(wording.EXPIRED_DANE,),
        meaning="The certificate presented by your server has expired.",
        causes=("The certificate was not renewed, or another one than the renewed is presented.",),
        remedy=("Renew the certificate, and publish its TLSA record first where the record changes.",),
        rule="expired",
    ),
    _POLICY._replace(
        id="dane-invalid",
        title="The certificate does not fit the TLSA record",
        codes=("4.7.323", "5.7.323"),
        words=r".{0,10}?(?P<token>tlsa-invalid)",
        examples=(wording.INVALID_DANE,),
        meaning="TLSA record and certificate do not fit, the record is wrong, or the certificate is not valid yet.",
        causes=("The certificate was renewed without its TLSA record.",),
        remedy=("Publish a TLSA record for the certificate in use, one lifetime before changing it.",),
        rule="dane-mismatch",
    ),
    _POLICY._replace(
        id="dnssec-invalid",
        title="The domain's DNSSEC records are invalid",
        codes=("4.7.324", "5.7.324"),
        words=r".{0,10}?(?P<token>dnssec-invalid)",
        examples=(wording.INVALID_DNSSEC,),
        meaning="Not about certificates: the DNS answers of the domain are not signed correctly.",
        causes=("Expired signatures, or keys that were changed without the parent's DS record.",),
        remedy=("Correct DNSSEC of the domain.",),
        rule="dnssec-bogus",
    ),
    _POLICY._replace(
        id="dane-name",
        title="The certificate's name is not the host's",
        codes=("4.7.325", "5.7.325"),
        words=r".{0,10}?(?P<token>certificate-host-mismatch)",
        examples=(
            wording.NAME_DANE,
            (
                "550 5.7.325 certificate-host-mismatch: Remote certificate MUST have a common name or subject "
                "alternative name matching the hostname (DANE)"
            ),
        ),
        meaning="None of the certificate's names is the MX host's name.",
        causes=("The server presents another host's certificate.",),
        remedy=("Present a certificate that carries the MX host's name.",),
        rule="name-mismatch",
    ),
)
