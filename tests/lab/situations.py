"""The lab's services, and what `eop-probe check` has to say of each of them.

One table drives the lab tests and a page of the documentation. A target is probed as `mail.contoso.test`,
with the lab's public-style root as the store that decides. A direction that a row does not speak of is None.
"""

from __future__ import annotations

from dataclasses import dataclass

HOST = "mail.contoso.test"
ADDRESS = "127.0.0.1"

EXIT_CODES = {"accepted": 0, "at-risk": 1, "rejected": 2, "unknown": 3}

UNTRUSTED_TO_EOP = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
RELAY_DENIED = "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
SOCKET_ERROR_TO_EOP = "421 4.4.2 Connection dropped due to SocketError"


def _cannot_connect(message: str) -> str:
    return f"450 4.4.317 Cannot connect to remote server [Message={message}]"


UNTRUSTED_FROM_EOP = _cannot_connect("UntrustedRoot")
STARTTLS_FROM_EOP = _cannot_connect("451 5.7.3 STARTTLS is required to send mail")
SOCKET_ERROR_FROM_EOP = _cannot_connect("451 4.4.0 TLS negotiation failed with error SocketError")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of docker-compose.yml that listens on base port + offset; it is there when it says `says`."""

    name: str
    offset: int
    about: str
    asks: bytes = b""  # what it has to be told before
    says: bytes = b"220"

    @property
    def variable(self) -> str:
        """The variable that carries its port in docker-compose.yml."""
        return "LAB_PORT_" + self.name.upper().replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the report has to say for one direction; `reply` may go on after the text given here."""

    outcome: str
    rule: str | None = None  # the deciding rule
    reply: str | None = None  # None: no reply is predicted
    findings: tuple[str, ...] = ()  # rules that have to be among the findings besides

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One call of `eop-probe check` on one service."""

    service: str
    title: str
    options: tuple[str, ...] = ()
    to_eop: Expectation | None = None
    from_eop: Expectation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A mail server that delivers to the listener; `told` begins the reply that keeps its message in the queue."""

    service: str
    title: str
    expected: Expectation
    told: str
    at: str = "RCPT"  # the command that was answered so; the end of the message is DATA
    certificates: int = 2  # as many as are sent


# A client of PostgreSQL begins; R (authentication) is the answer of a server that has started (its manual, 55.2).
_STARTUP = b"\x00\x00\x00\x24\x00\x03\x00\x00user\x00lab\x00database\x00postgres\x00\x00"

# The MX record of a signed domain over TCP (RFC 1035 4.2.2), in 58 octets: a failure has 37.
_MX = b"\x00\x20\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06ee-key\x07example\x00\x00\x0f\x00\x01"
_ANSWER = b"\x00\x3a"


def _over_http(name: str, offset: int, about: str) -> Service:
    return Service(name=name, offset=offset, about=about, asks=b"GET / HTTP/1.0\r\n\r\n", says=b"HTTP/1.")


SERVICES = (
    Service(name="healthy", offset=1, about="public-style chain, leaf and intermediate sent"),
    Service(name="wildcard", offset=2, about="the same for *.contoso.test"),
    Service(name="self-signed", offset=3, about="a self-signed certificate"),
    Service(name="internal-ca", offset=4, about="the company's own CA, its root sent along"),
    Service(name="missing-intermediate", offset=5, about="the public-style leaf alone"),
    Service(name="expired", offset=6, about="ended five days ago"),
    Service(name="not-yet-valid", offset=7, about="begins in five days"),
    Service(name="expires-soon", offset=8, about="ends in five days"),
    Service(name="wrong-name", offset=9, about="a certificate for other.fabrikam.test"),
    Service(name="two-keys", offset=10, about="RSA from the public-style CA, ECDSA from the internal one"),
    Service(name="sni", offset=11, about="public-style with SNI, internal CA without"),
    Service(name="no-starttls", offset=12, about="STARTTLS not offered"),
    Service(name="tls10", offset=13, about="TLS 1.0 and nothing newer"),
    Service(name="postscreen", offset=14, about="greets after four seconds"),
    Service(name="balancer", offset=15, about="node-a and node-b in turn"),
    Service(name="node-a", offset=16, about="behind the balancer: public-style chain"),
    Service(name="node-b", offset=17, about="behind the balancer: internal CA"),
    Service(
        name="two-keys-tls13", offset=18, about="TLS 1.3 only: ECDSA public-style, RSA from the internal CA"
    ),
    Service(name="listener", offset=20, about="eop-probe listen: all senders deliver to it"),
    Service(name="changing", offset=21, about="public-style chain, until a test changes it"),
    Service(name="mailbox", offset=22, about="keeps its mail in a Maildir; a certificate for localhost"),
    Service(name="postgres", offset=23, about="PostgreSQL, for the history", asks=_STARTUP, says=b"R"),
    Service(name="sender-healthy", offset=26, about="sends with a public-style RSA certificate"),
    Service(name="sender-healthy-ec", offset=27, about="sends with a public-style ECDSA certificate"),
    Service(name="sender-internal-ca", offset=28, about="sends with the internal CA's certificate"),
    Service(name="sender-self-signed", offset=29, about="sends with a self-signed certificate"),
    Service(name="sender-missing-intermediate", offset=30, about="sends the public-style leaf alone"),
    Service(name="sender-expired", offset=31, about="sends with an expired certificate"),
    Service(name="sender-none", offset=32, about="sends without a certificate"),
    Service(name="exim-healthy", offset=33, about="Exim, with a public-style certificate"),
    Service(name="exim-internal-ca", offset=34, about="Exim, with the internal CA's certificate"),
    _over_http("exporter", 35, "eop-probe serve"),
    _over_http("prometheus", 36, "Prometheus, with the rules of integrations/prometheus"),
    _over_http("alertmanager", 37, "Alertmanager, told by it"),
    _over_http("node-exporter", 38, "node_exporter, for files of metrics"),
    _over_http("receiver", 39, "keeps what Alertmanager tells"),
    Service(name="tickets", offset=45, about="Go's TLS library, whose session tickets come early"),
    Service(
        name="tickets-ask",
        offset=46,
        about="the same, which asks for a client certificate, and sends none early",
    ),
    Service(name="tickets-none", offset=47, about="the same, its session tickets switched off"),
    Service(name="tickets-gnutls", offset=48, about="GnuTLS, TLS at once", asks=b"\n" * 5, says=b"\x15"),
    Service(
        name="resolver",
        offset=50,
        about="a signed DNS tree, and a resolver that validates",
        asks=_MX,
        says=_ANSWER,
    ),
    Service(
        name="policies",
        offset=51,
        about="MTA-STS policies",
        asks=b"GET / HTTP/1.0\r\n\r\n",
        says=b"HTTP/1.1 400",
    ),
    Service(
        name="exchangers", offset=52, about="the exchangers of its domains, an address for each certificate"
    ),
)

_ACCEPTED = Expectation(outcome="accepted")


def _rejected(rule: str, reply: str | None, *findings: str) -> Expectation:
    return Expectation(outcome="rejected", rule=rule, reply=reply, findings=findings)


SITUATIONS = (
    Situation(service="healthy", title="A public-style chain", to_eop=_ACCEPTED, from_eop=_ACCEPTED),
    Situation(service="wildcard", title="A wildcard certificate", to_eop=_ACCEPTED, from_eop=_ACCEPTED),
    Situation(
        service="self-signed",
        title="A self-signed certificate",
        to_eop=_rejected("self-signed", UNTRUSTED_TO_EOP),
        from_eop=_rejected("self-signed", UNTRUSTED_FROM_EOP),
    ),
    Situation(
        service="internal-ca",
        title="An internal CA, its root sent along",
        to_eop=_rejected("untrusted-root", UNTRUSTED_TO_EOP),
        from_eop=_rejected("untrusted-root", UNTRUSTED_FROM_EOP),
    ),
    Situation(
        service="missing-intermediate",
        title="The intermediate is not sent",
        to_eop=_rejected("missing-intermediate", UNTRUSTED_TO_EOP),
        from_eop=_rejected("missing-intermediate", UNTRUSTED_FROM_EOP),
    ),
    Situation(
        service="expired",
        title="An expired certificate",
        to_eop=_rejected("expired", None),
        from_eop=_rejected("expired", "4.7.322 certificate-expired"),
    ),
    Situation(
        service="not-yet-valid",
        title="A certificate of the future",
        to_eop=_rejected("not-yet-valid", None),
        from_eop=_rejected("not-yet-valid", None),
    ),
    Situation(
        service="expires-soon",
        title="A certificate in its last week",
        to_eop=Expectation(outcome="at-risk", rule="expires-soon"),
        from_eop=Expectation(outcome="at-risk", rule="expires-soon"),
    ),
    Situation(
        service="wrong-name",
        title="A certificate for another name",
        to_eop=Expectation(outcome="accepted", findings=("name-mismatch",)),
        from_eop=Expectation(outcome="at-risk", rule="name-mismatch"),
    ),
    Situation(
        service="wrong-name",
        title="Another name, where the connector compares it",
        options=("--tls-domain", HOST),
        from_eop=_rejected(
            "name-mismatch", "450 4.4.317 Cannot connect to remote server [Message=SubjectMismatch"
        ),
    ),
    Situation(
        # With TLS 1.3 the server takes the first of its keys that the client names, and ECDSA stands first.
        service="two-keys",
        title="Two keys, asked once",
        to_eop=_rejected("untrusted-root", UNTRUSTED_TO_EOP),
        from_eop=_rejected("untrusted-root", UNTRUSTED_FROM_EOP),
    ),
    Situation(
        service="two-keys",
        title="Two keys, asked for each",
        options=("--thorough",),
        to_eop=_rejected("untrusted-root", UNTRUSTED_TO_EOP, "mixed-certificates"),
        from_eop=_rejected("untrusted-root", UNTRUSTED_FROM_EOP, "mixed-certificates"),
    ),
    Situation(
        # TLS 1.3: no cipher suite tells the keys apart, and whoever asks once sees the good one.
        service="two-keys-tls13",
        title="Two keys and TLS 1.3 only, asked once",
        to_eop=_ACCEPTED,
        from_eop=_ACCEPTED,
    ),
    Situation(
        service="two-keys-tls13",
        title="Two keys and TLS 1.3 only, asked for each",
        options=("--thorough",),
        to_eop=_rejected("untrusted-root", UNTRUSTED_TO_EOP, "mixed-certificates"),
        from_eop=_rejected("untrusted-root", UNTRUSTED_FROM_EOP, "mixed-certificates"),
    ),
    Situation(
        service="sni",
        title="Another certificate without SNI, asked once",
        to_eop=_ACCEPTED,
        from_eop=_ACCEPTED,
    ),
    Situation(
        service="sni",
        title="Another certificate without SNI, asked without",
        options=("--sni", "none"),
        to_eop=_rejected("untrusted-root", UNTRUSTED_TO_EOP),
        from_eop=_rejected("untrusted-root", UNTRUSTED_FROM_EOP),
    ),
    Situation(
        service="healthy",
        title="A public-style chain that misses the connector's name",
        options=("--tls-sender-certificate-name", "hybrid.fabrikam.test"),
        to_eop=_rejected("tenant-attribution", RELAY_DENIED),
    ),
    Situation(
        service="wrong-name",
        title="A certificate outside the accepted domains",
        options=("--accepted-domain", "contoso.test"),
        to_eop=Expectation(outcome="at-risk", rule="not-an-accepted-domain"),
    ),
    Situation(
        service="sni",
        title="Another certificate without SNI, asked both ways",
        options=("--thorough",),
        to_eop=_rejected("untrusted-root", UNTRUSTED_TO_EOP, "mixed-certificates"),
        from_eop=_rejected("untrusted-root", UNTRUSTED_FROM_EOP, "mixed-certificates"),
    ),
    Situation(
        service="no-starttls",
        title="STARTTLS is not offered",
        to_eop=Expectation(outcome="unknown", rule="no-starttls"),
        from_eop=_rejected("no-starttls", STARTTLS_FROM_EOP),
    ),
    Situation(
        service="tls10",
        title="TLS 1.0 only",
        to_eop=_rejected("old-tls", SOCKET_ERROR_TO_EOP),
        from_eop=_rejected("old-tls", SOCKET_ERROR_FROM_EOP),
    ),
    Situation(
        service="postscreen", title="A greeting that makes one wait", to_eop=_ACCEPTED, from_eop=_ACCEPTED
    ),
    Situation(
        service="balancer",
        title="Two nodes behind a balancer",
        options=("--samples", "4"),
        to_eop=_rejected("untrusted-root", UNTRUSTED_TO_EOP, "mixed-certificates"),
        from_eop=_rejected("untrusted-root", UNTRUSTED_FROM_EOP, "mixed-certificates"),
    ),
    Situation(service="node-a", title="The good node by itself", to_eop=_ACCEPTED, from_eop=_ACCEPTED),
    Situation(
        service="node-b",
        title="The bad node by itself",
        to_eop=_rejected("untrusted-root", UNTRUSTED_TO_EOP),
        from_eop=_rejected("untrusted-root", UNTRUSTED_FROM_EOP),
    ),
)


NO_MAIL = "451 4.7.0 eop-probe listener: no mail is accepted here"

SENDERS = (
    Sender(
        service="sender-healthy",
        title="Postfix, a public-style chain",
        expected=_ACCEPTED,
        told=NO_MAIL,
        at="DATA",
    ),
    Sender(
        service="sender-healthy-ec",
        title="Postfix, a public-style chain with an ECDSA key",
        expected=_ACCEPTED,
        told=NO_MAIL,
        at="DATA",
    ),
    Sender(
        service="sender-internal-ca",
        title="Postfix, an internal CA, its root sent along",
        expected=_rejected("untrusted-root", UNTRUSTED_TO_EOP),
        told=UNTRUSTED_TO_EOP,
    ),
    Sender(
        service="sender-self-signed",
        title="Postfix, a self-signed certificate",
        expected=_rejected("self-signed", UNTRUSTED_TO_EOP),
        told=UNTRUSTED_TO_EOP,
        certificates=1,
    ),
    Sender(
        service="sender-missing-intermediate",
        title="Postfix, the intermediate is not sent",
        expected=_rejected("missing-intermediate", UNTRUSTED_TO_EOP),
        told=UNTRUSTED_TO_EOP,
        certificates=1,
    ),
    Sender(
        service="sender-expired",
        title="Postfix, an expired certificate",
        expected=_rejected("expired", None),
        told="454 4.7.0 eop-probe listener: Exchange Online would refuse this certificate (expired)",
    ),
    Sender(
        service="sender-none",
        title="Postfix, no client certificate",
        expected=_rejected("no-client-certificate", RELAY_DENIED),
        told=RELAY_DENIED,
        certificates=0,
    ),
    Sender(
        service="exim-healthy",
        title="Exim, a public-style chain",
        expected=_ACCEPTED,
        told=NO_MAIL,
        at="DATA",
    ),
    Sender(
        service="exim-internal-ca",
        title="Exim, an internal CA, its root sent along",
        expected=_rejected("untrusted-root", UNTRUSTED_TO_EOP),
        told=UNTRUSTED_TO_EOP,
    ),
)


def ports(base: int) -> dict[str, int]:
    """The port of each service on 127.0.0.1."""
    return {service.name: base + service.offset for service in SERVICES}


def markdown(situations: tuple[Situation, ...]) -> str:
    """The page of the documentation: services, then what is expected of each, in both directions."""
    services = [f"| `{s.name}` | {s.offset} | {s.about} |" for s in SERVICES]
    rows = [
        f"| {s.title} | `{s.service}`{' ' if s.options else ''}{' '.join(f'`{o}`' for o in s.options)} "
        f"| {_cell(s.to_eop)} | {_cell(s.from_eop)} |"
        for s in situations
    ]
    senders = [f"| {s.title} | `{s.service}` | {_cell(s.expected)} | `{s.told}` at {s.at} |" for s in SENDERS]
    return "\n".join((_HEAD, *services, _MIDDLE, *rows, _SENDERS, *senders, ""))


def _cell(expected: Expectation | None) -> str:
    if expected is None:
        return ""
    rule = f" `{expected.rule}`" if expected.rule else ""
    reply = f"<br>`{expected.reply}`" if expected.reply else ""
    return f"**{expected.outcome}** ({expected.exit_code}){rule}{reply}"


_HEAD = """# The lab

Real Postfix servers in Docker, one a situation, on 127.0.0.1 only. Generated from `tests/lab/situations.py`
by `make docs`; the same table drives the tests.

```sh
make lab-up
eop-probe check mail.contoso.test:2504 --resolve mail.contoso.test=127.0.0.1 \\
    --stand-in tests/lab/run/LAB-ROOT.pem
make lab-down
```

`make lab-up` uses a running Docker engine. On Debian, as root, it installs and starts one where there is none: its
data are in `/var/lib/eop-probe-lab`, and the lab's bridge is all that it adds to the machine's network.
`tests/lab/engine left` says what is there; `make clean` removes containers, images, that engine and its data, and
nothing of an engine that somebody else runs.

`EOP_PROBE_LAB_PORT` moves the base port (2500): a service listens on base + its number.

| Service | Port: base + | What it presents |
|---|---|---|"""
_MIDDLE = """
## What the product says of them

Outcome, exit code, deciding rule and predicted reply, for each direction.

| Situation | Service and options | `to-eop` | `from-eop` |
|---|---|---|---|"""
_SENDERS = """
## Domains

The service `resolver` has a signed DNS tree with a root of its own, and validates it; `policies` serves MTA-STS
policies, `exchangers` presents a certificate on each of its addresses. Their ports are 25, 53 and 443 in a network of
their own, so the product is run in there. `tests/lab/domains.py` says what each domain has,
`tests/lab/test_lab_dane.py` and `tests/lab/test_lab_mta_sts.py` what is expected of it.

```sh
tests/lab/lab up resolver policies exchangers
docker run --rm --network "container:$(docker ps -q --filter label=com.docker.compose.service=resolver)" \\
    -v "$PWD/tests/lab/run/LAB-ROOT.pem:/LAB-ROOT.pem:ro" eop-probe check mx:wrong.example --direction from-eop \\
    --resolver 127.0.0.54 --dnssec-resolver 127.0.0.54 --stand-in /LAB-ROOT.pem
```

## What the listener says of the senders

`eop-probe listen` runs as the service `listener`, and these mail servers deliver to it whatever they are given. It
never takes a message: each is still in its sender's queue afterwards.

```sh
swaks --server 127.0.0.1:2528 --from a@contoso.test --to b@contoso.example   # give one to sender-internal-ca
tests/lab/lab exec sender-internal-ca postqueue -p                           # it is still there, and why
tests/lab/lab logs listener                                                  # what the listener saw
```

| Sender | Service | Verdict | What it was told |
|---|---|---|---|"""
