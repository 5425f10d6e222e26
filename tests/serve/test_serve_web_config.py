"""The exporter-toolkit's web configuration: what is kept, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.errors import ConfigurationError
from probe.serve.web_config import MAX_COST, MAX_USERS, SUITES, WebConfig, web_config

#: "$2y$10$" and 53 characters, as htpasswd -nBC 10 prints them; of the toolkit's own sample.
HASH = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze"
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


def read(text: str | bytes) -> WebConfig:
    return web_config(text.encode() if isinstance(text, str) else text, Path("/etc/eop/web.yml"))


def refused(text: str | bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "tls_server_config:\nbasic_auth_users: {}\n", "{}"])
def test_a_file_that_says_nothing(text: str) -> None:
    config = read(text)
    assert (config.tls, dict(config.users), dict(config.headers), config.interval_s) == (None, {}, {}, 0)


def test_everything_that_is_kept() -> None:
    config = read(
        TLS + "  client_auth_type: RequireAndVerifyClientCert\n"
        "  client_ca_file: /etc/ca.pem\n"
        "  client_allowed_sans: [prometheus.contoso.test, 192.0.2.7]\n"
        "  min_version: TLS12\n"
        "  max_version: TLS12\n"
        "  cipher_suites:\n"
        "    - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n"
        "    - TLS_AES_128_GCM_SHA256\n"
        "  prefer_server_cipher_suites: off\n"
        "  curve_preferences: [CurveP384]\n"
        "http_server_config:\n"
        "  http2: false\n"
        "  headers:\n"
        "    X-Frame-Options: deny\n"
        "    Strict-Transport-Security: max-age=3600\n"
        "    X-XSS-Protection: ''\n"
        f"basic_auth_users:\n  alice: {HASH}\n  0755: {HASH}\n  on: {HASH}\n"
        "rate_limit:\n  interval: 1m1.5s\n  burst: 20\n"
    )
    tls = config.tls
    assert tls is not None
    assert (tls.cert_file, tls.key_file) == (Path("/etc/eop/server.crt"), Path("/etc/eop/server.key"))
    assert (tls.client_ca_file, tls.client_required) == (Path("/etc/ca.pem"), True)
    assert tls.client_names == {"prometheus.contoso.test", "192.0.2.7"}
    assert (tls.versions, tls.ciphers) == (("TLS12", "TLS12"), ("ECDHE-RSA-AES128-GCM-SHA256",))
    assert (tls.own_preference, tls.curve) == (False, "secp384r1")
    assert config.headers == {"X-Frame-Options": "deny", "Strict-Transport-Security": "max-age=3600"}
    assert set(config.users) == {b"alice", b"0755", b"on"}
    assert (config.interval_s, config.burst) == (61.5, 20)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("250ms", 0.25), ("5us", 5e-6), ("5µs", 5e-6), ("5ns", 5e-9), ("0.5m", 30), ("2h30m", 9000), ("0", 0)],
)
def test_units_of_an_interval(said: str, seconds: float) -> None:
    config = read(f"rate_limit:\n  interval: {said}\n  burst: 1\n")
    assert config.interval_s == pytest.approx(seconds)


def test_a_certificate_that_is_asked_for_and_not_demanded() -> None:
    config = read(TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca: PEM\n")
    assert config.tls is not None
    assert (config.tls.client_required, config.tls.client_ca) == (False, "PEM")


def test_names_of_suites() -> None:
    assert SUITES["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"] == "ECDHE-ECDSA-CHACHA20-POLY1305"
    assert SUITES["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"] == "ECDHE-RSA-AES256-SHA"


HEADERS = "http_server_config:\n  headers:\n    "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tls_config:\n", "1: tls_config: there is no such key; known here: tls_server_config, http_"),
        (TLS + "  sni: x\n", "4: tls_server_config.sni: there is no such key"),
        (TLS + "  cert_file: other.crt\n", "4: tls_server_config.cert_file: this key stands here twice"),
        (
            f"basic_auth_users:\n  a: {HASH}\n  a: {HASH}\n",
            "3: basic_auth_users.a: this key stands here twice",
        ),
        ("tls_server_config: [a]\n", "1: tls_server_config: keys with values are wanted here"),
        ("tls_server_config:\n  cert_file: a\n", "2: tls_server_config: needs key_file"),
        ("tls_server_config:\n  key_file: a\n", "2: tls_server_config: needs cert_file"),
        (TLS + "  key: |\n    SECRET\n", "4: tls_server_config.key: is read from a file only; give key_file"),
        (TLS + "  client_auth_type: RequestClientCert\n", "4: tls_server_config.client_auth_type: RequestCl"),
        (
            TLS + "  client_auth_type: RequireAnyClientCert\n",
            "RequireAnyClientCert takes certificates that nob",
        ),
        (TLS + "  client_auth_type: Always\n", '4: tls_server_config.client_auth_type: there is no "Always"'),
        (TLS + "  client_auth_type: VerifyClientCertIfGiven\n", "2: tls_server_config: needs client_ca_file"),
        (TLS + "  client_ca_file: ca.pem\n", "names a CA of clients, and no client_auth_type that asks"),
        (TLS + "  client_allowed_sans: [a]\n", "needs client_auth_type: RequireAndVerifyClientCert"),
        (
            TLS + "  min_version: TLS10\n",
            '4: tls_server_config.min_version: there is no "TLS10" here: TLS12 or',
        ),
        (TLS + "  min_version: TLS13\n  max_version: TLS12\n", "5: tls_server_config.max_version: is less"),
        (TLS + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n", 'there is no cipher suite "TLS_RSA_WITH_RC4'),
        (
            TLS + "  cipher_suites: TLS_AES_128_GCM_SHA256\n",
            "tls_server_config.cipher_suites: a list is wanted",
        ),
        (TLS + "  curve_preferences: [CurveP256, X25519]\n", "one curve can be given"),
        (TLS + "  curve_preferences: [P-256]\n", 'there is no curve "P-256"'),
        (TLS + "  prefer_server_cipher_suites: 1\n", "true or false is wanted here"),
        (TLS + "  cert_file: {a: b}\n", "twice"),
        (
            "tls_server_config:\n  cert_file: {a: b}\n  key_file: c\n",
            "2: tls_server_config.cert_file: a text is",
        ),
        (
            "tls_server_config:\n  cert_file: !!binary YQ==\n  key_file: c\n",
            "cert_file: a text is wanted here",
        ),
        ("http_server_config:\n  http2: true\n", "2: http_server_config.http2: HTTP/2 is not spoken"),
        (HEADERS + "Server: x\n", "3: http_server_config.headers.Server: there is no such key"),
        (HEADERS + "X-Frame-Options: allow\n", "X-Frame-Options: is deny or sameorigin"),
        (HEADERS + 'X-XSS-Protection: "1\\r\\nSet-Cookie: a"\n', "X-XSS-Protection: is one line of ASCII"),
        ("basic_auth_users:\n  alice: secret\n", "2: basic_auth_users.alice: is no bcrypt hash"),
        (f"basic_auth_users:\n  'a:b': {HASH}\n", "basic_auth_users.a:b: a user's name has no colon"),
        ("rate_limit:\n  interval: 1 second\n  burst: 1\n", "2: rate_limit.interval: is a duration"),
        ("rate_limit:\n  interval: 5\n", "2: rate_limit.interval: is a duration"),
        ("rate_limit:\n  interval: 1s\n", "2: rate_limit: needs a burst of at least 1"),
        ("rate_limit:\n  interval: 1s\n  burst: many\n", "3: rate_limit.burst: is a number of requests"),
        ("a: b\n  c: d\n", "2: this is not YAML: mapping values are not allowed here"),
        ("a: *b\n", "1: this is not YAML: found undefined alias"),
        ("--- a\n--- b\n", "2: this is not YAML: but found another document"),
        (b"\xff\xfe\x00", ": this is not YAML"),
        ("a: \x07\n", ": this is not YAML"),
        ("[" * 1000, ": this is not YAML"),
    ],
)
def test_what_is_refused(text: str | bytes, said: str) -> None:
    told = refused(text)
    assert told.startswith("/etc/eop/web.yml:")
    assert said in told
    assert "\n" not in told
    assert "SECRET" not in told
    assert "secret" not in told


def test_the_cost_of_a_hash_is_bounded() -> None:
    """A look at one with 31 takes a day."""
    users = "basic_auth_users:\n  alice: "
    assert read(users + HASH.replace("$10$", f"${MAX_COST}$")).users
    for cost in (31, MAX_COST + 1, 3):
        assert f"has the cost {cost}; one from 4 to" in refused(users + HASH.replace("$10$", f"${cost:02}$"))


def test_the_number_of_users_is_bounded() -> None:
    lines = [f"  user{number}: {HASH}\n" for number in range(MAX_USERS + 1)]
    assert len(read("basic_auth_users:\n" + "".join(lines[1:])).users) == MAX_USERS
    assert "has more than 1,000 users" in refused("basic_auth_users:\n" + "".join(lines))


def test_aliases_multiply_nothing() -> None:
    """Ten levels of ten aliases each would be 10^10 elements."""
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))
    assert "l0: there is no such key" in refused("l0: &l0 [a]\n" + levels)
    assert "a text is wanted here" in refused("tls_server_config:\n  cert_file: &a [*a]\n  key_file: b\n")
