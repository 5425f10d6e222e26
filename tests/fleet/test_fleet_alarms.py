"""What a fleet's description says of alarms, and ``fleet notify-test`` as it is typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import json

from probe.alarms.channels.kinds import Mail, Push, Webhook
from probe.alarms.channels.webhook import signature
from probe.alarms.policy import Policy
from probe.errors import ConfigurationError
from probe.fleet import alarms
from probe.fleet.alarms import Described
from probe.fleet.mistakes import FleetError
from probe.fleet.source import Fleet
from tests.alarms.servers import Http, Smtp, server_tls, trusted
from tests.cli.running import Cli
from tests.fleet.test_fleet_mistakes import judges
from tests.net.scripted import Peer, ScriptedServer
from tests.schemas import validate

pytest_plugins = ("tests.cli.conftest",)

CHAT = '[[channel]]\nname = "x"\ntype = "apprise"\nurl-env = "NO"\n'
TARGET = '[[target]]\nhost = "a.test"\n'


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str) -> Described:
    Path("fleet.toml").write_text(text + TARGET)
    found = Fleet("fleet.toml", judges()).alarms
    assert found
    return found


class TestDescription:
    def test_a_fleet_without(self) -> None:
        Path("fleet.toml").write_text(TARGET)
        assert Fleet("fleet.toml", judges()).alarms is None

    def test_what_is_not_said_is_the_policys_own(self) -> None:
        assert read("[alarms]\n").policy() == Policy()

    def test_a_policy(self) -> None:
        policy = read(
            '[alarms]\nfail-after = 3\nrecover-after = 4\nrepeat = "12h"\ndigest-over = 9\nat-risk = false\n'
            'page-url = "https://a.test/"\nquiet-hours = ["22:00-07:00"]\ntime-zone = "Europe/Berlin"\n'
            '[[maintenance]]\nhosts = ["A.test"]\nlabels = { site = "berlin" }\nweekly = ["Sun 02:00-06:00"]\n'
            "from = 2026-12-01T00:00:00Z\nto = 2026-12-31T00:00:00+01:00\n"
        ).policy()
        assert (policy.fail_after, policy.recover_after, policy.digest_over) == (3, 4, 9)
        assert (policy.repeat, policy.at_risk, policy.page_url) == (
            timedelta(hours=12),
            False,
            "https://a.test/",
        )
        assert policy.quiet[0].hold(datetime(2026, 11, 20, 21, 30, tzinfo=UTC))
        [window] = policy.maintenance
        assert window.concerns("a.test", {"site": "berlin"})
        assert not window.concerns("a.test", {})
        assert window.holds(datetime(2026, 12, 6, 3, tzinfo=UTC))
        assert not window.holds(datetime(2026, 12, 7, 3, tzinfo=UTC))
        assert not window.holds(datetime(2027, 1, 3, 3, tzinfo=UTC))

    def test_nothing_is_repeated(self) -> None:
        assert read('[alarms]\nrepeat = "never"\n').policy().repeat is None

    def test_channels_take_their_secrets_from_where_they_are(self) -> None:
        Path("hook.key").write_text("\ufeffshared key\nmore\n")
        found = read(
            '[[channel]]\nname = "mail"\ntype = "email"\nhost = "h.test"\nfrom = "a@b.test"\nto = ["c@d.test"]\n'
            'user = "u"\npassword-env = "SECRET"\nca-file = "ca.pem"\ntimeout = 5\n'
            '[[channel]]\nname = "bare"\ntype = "email"\nhost = "h.test"\nfrom = "a@b.test"\nto = ["c@d.test"]\n'
            'tls = "none"\n'
            '[[channel]]\nname = "hook"\ntype = "webhook"\nurl-env = "URL"\nsecret-file = "hook.key"\n'
            '[[channel]]\nname = "chat"\ntype = "apprise"\nurl-env = "CHAT"\n'
        )
        environment = {"SECRET": "s", "URL": "https://a.test/t", "CHAT": "json://a.test/t\n"}
        assert [found.channel(each, environment) for each in found.channels] == [
            Mail(
                name="mail", timeout_s=5, host="h.test", sender="a@b.test", recipients=("c@d.test",), user="u",
                password="s", ca_file="ca.pem",
            ),
            Mail(name="bare", host="h.test", port=25, tls="none", sender="a@b.test", recipients=("c@d.test",)),
            Webhook(name="hook", url="https://a.test/t", hidden=True, secret="shared key"),
            Push(name="chat", url="json://a.test/t"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("keys", "said"),
        [
            ('url-env = "NO_SUCH"', "channel x: there is no variable NO_SUCH"),
            ('url-file = "no.url"', "channel x: no.url cannot be read: No such file or directory"),
            ('url-file = "empty"', "channel x: empty is empty"),
            ('url = "https://a.test/"\nsecret-file = "latin"', "channel x: latin holds no UTF-8"),
            ('url = "https://a.test/"\nsecret-env = "LATIN"', "channel x: LATIN holds no UTF-8"),
            ('url-env = "CLEAR"', "channel x: a webhook is asked by https; by http on this machine only"),
        ],
    )
    def test_secrets_that_are_not_there(self, keys: str, said: str) -> None:
        Path("empty").write_bytes(b"")
        Path("latin").write_bytes(b"schl\xfcssel")
        found = read(f'[[channel]]\nname = "x"\ntype = "webhook"\n{keys}\n')
        with pytest.raises(ConfigurationError) as error:
            found.channel(found.channels[0], {"CLEAR": "http://a.test/", "LATIN": "schl\udcfcssel"})
        assert str(error.value) == said

    def test_a_file_that_is_no_secret_is_read_to_its_bound(self) -> None:
        Path("large").write_bytes(b"x" * (alarms.MAX_SECRET_BYTES + 1))
        found = read('[[channel]]\nname = "x"\ntype = "apprise"\nurl-file = "large"\n')
        channel = found.channel(found.channels[0], {})
        assert isinstance(channel, Push)
        assert len(channel.url) == alarms.MAX_SECRET_BYTES

    def test_they_stand_in_the_outer_file(self) -> None:
        Path("more.toml").write_text(f"[alarms]\n{TARGET}")
        Path("fleet.toml").write_text('include = ["more.toml"]\n')
        with pytest.raises(
            FleetError, match=r"more.toml:1: alarms: This stands in the file that includes the others"
        ):
            Fleet("fleet.toml", judges())

    def test_as_many_as_there_may_be(self) -> None:
        hook = '[[channel]]\nname = "{}"\ntype = "webhook"\nurl = "https://a.test/"\n'
        many = "".join(hook.format(n) for n in range(alarms.MAX_CHANNELS))
        window = '[[maintenance]]\nweekly = ["00:00-01:00"]\n' * alarms.MAX_MAINTENANCE
        assert len(read(many + window).channels) == alarms.MAX_CHANNELS
        with pytest.raises(FleetError, match=r"at most 20 \[\[channel\]\]"):
            read(many + hook.format("one more"))
        with pytest.raises(FleetError, match=r"at most 1,000 \[\[maintenance\]\]"):
            read(window + '[[maintenance]]\nweekly = ["00:00-01:00"]\n')


class TestNotifyTest:
    def test_each_channel_gets_one(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        trusted(tmp_path)
        monkeypatch.setenv("SECRET", "very secret")
        monkeypatch.setenv("KEY", "shared key")
        smtp, http = Smtp(server_tls(tmp_path)), Http()
        with ScriptedServer(smtp) as mails, ScriptedServer(http) as posts:
            Path("fleet.toml").write_text(
                f'{TARGET}[[channel]]\nname = "mail"\ntype = "email"\nhost = "localhost"\nport = {mails.port}\n'
                'from = "a@b.test"\nto = ["c@d.test"]\nuser = "u"\npassword-env = "SECRET"\nca-file = "root.pem"\n'
                f'[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "http://127.0.0.1:{posts.port}/"\n'
                'secret-env = "KEY"\n'
            )
            ran = cli("fleet", "notify-test")
            one = cli("fleet", "notify-test", "--channel", "hook")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out == "mail: sent: 250 2.0.0 queued as 4711\nhook: sent: HTTP 200 OK\n"
        assert (one.code, one.out) == (0, "hook: sent: HTTP 200 OK\n")
        [letter] = smtp.mails
        assert letter["Subject"] == "[eop-probe] TEST accepted: no endpoint"
        validate(json.decode(http.posted[0].body))
        headers = http.posted[0].headers
        assert headers["eop-probe-signature"] == signature(
            "shared key", headers["eop-probe-timestamp"], http.posted[0].body
        )

    def test_one_that_does_not_take_it(self, cli: Cli) -> None:
        with ScriptedServer(Http("500 No")) as server:
            url = f"http://127.0.0.1:{server.port}/"
            Path("fleet.toml").write_text(
                f'{TARGET}[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "{url}"\n'
            )
            ran = cli("fleet", "notify-test")
        assert (ran.code, ran.out) == (2, "hook: not sent: HTTP 500 No\n")

    @pytest.mark.parametrize(
        ("text", "arguments", "said"),
        [
            ("", (), "fleet.toml has no [[channel]]"),
            ("[alarms]\n", (), "fleet.toml has no [[channel]]"),
            (CHAT, ("--channel", "y"), "there is no channel y; there are: x"),
            (CHAT, (), "channel x: there is no variable NO"),
        ],
    )  # fmt: skip
    def test_nothing_to_try(self, text: str, arguments: tuple[str, ...], said: str, cli: Cli) -> None:
        Path("fleet.toml").write_text(text + TARGET)
        ran = cli("fleet", "notify-test", *arguments)
        assert (ran.code, ran.out, ran.err) == (3, "", f"eop-probe: {said}\n")


def test_no_secret_is_in_any_output(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong: neither the password, nor the key, nor the URL's token, nor what stands for them."""
    secrets = {
        "PASSWORD": "pass-W0RD-x1",
        "KEY": "key-K3Y-x2",
        "URL": "http://127.0.0.1:{}/T0KEN-x3?q=T0KEN-x4",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)

    def echoes(peer: Peer) -> None:
        heard = Http().request(peer)
        peer.say(f"HTTP/1.1 500 {heard.line} {heard.headers}\r\n\r\n".encode())

    trusted(tmp_path)
    with ScriptedServer(Smtp(server_tls(tmp_path), echoes=True)) as mails, ScriptedServer(echoes) as posts:
        monkeypatch.setenv("URL", secrets["URL"].format(posts.port))
        monkeypatch.setenv("CHAT", f"json://u:pass-W0RD-x1@127.0.0.1:{posts.port}/T0KEN-x3")
        Path("fleet.toml").write_text(
            f'{TARGET}[[channel]]\nname = "mail"\ntype = "email"\nhost = "localhost"\nport = {mails.port}\n'
            'from = "a@b.test"\nto = ["c@d.test"]\nuser = "u"\npassword-env = "PASSWORD"\nca-file = "root.pem"\n'
            '[[channel]]\nname = "hook"\ntype = "webhook"\nurl-env = "URL"\nsecret-env = "KEY"\n'
            '[[channel]]\nname = "chat"\ntype = "apprise"\nurl-env = "CHAT"\n'
        )
        ran = cli("fleet", "notify-test")
    assert ran.code == 2
    assert ran.out.count("not sent") == 3
    for mark in ("x1", "x2", "x3", "x4", "W0RD", "T0KEN"):
        assert mark not in ran.out + ran.err
