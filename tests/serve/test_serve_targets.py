"""Which targets may be asked for, by which names, and the ways they are probed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from probe.check.options import CheckOptions
from probe.eop.vocabulary import Direction
from probe.errors import ProbeError, TargetError
from probe.fleet.entries import Judges
from probe.fleet.source import Fleet
from probe.fleet.watch.described import Described, described
from probe.net.target import parse_target
from probe.serve.any_target import public
from probe.serve.targets import NotConfiguredError, Targets, UnknownModuleError

FLEET = """
[defaults]
timeout = 7
[[group]]
name = "berlin"
expiring-days = 50
[[group]]
name = "empty"
direction = "from-eop"
[[target]]
host = "mail.contoso.test"
group = "berlin"
addresses = ["127.0.0.2"]
expect = { outcome = "accepted" }
[[target]]
host = "mail.contoso.test"
port = 587
[[target]]
mx = "contoso.test"
[[target]]
host = "both.contoso.test"
[[target]]
host = "both.contoso.test"
direction = "from-eop"
sni = "other.contoso.test"
[[target]]
host = "safe.contoso.test"
implicit-tls = true
"""


@pytest.fixture
def what(tmp_path: Path) -> Described:
    (tmp_path / "fleet.toml").write_text(FLEET)
    judges = Judges(lambda _: lambda: ())
    fleet = Fleet(str(tmp_path / "fleet.toml"), judges)
    return described(fleet.entries(), CheckOptions(stores=judges.of(())), fleet.watch, None, fleet.ways())


@pytest.mark.parametrize(
    ("text", "module", "target"),
    [
        ("mail.contoso.test", "", "mail.contoso.test"),
        ("MAIL.contoso.test.", "berlin", "mail.contoso.test"),
        ("mail.contoso.test:25", "", "mail.contoso.test"),
        ("mail.contoso.test:587", "", "mail.contoso.test:587"),
        ("mx:contoso.test", "", "mx:contoso.test"),
        ("safe.contoso.test:465", "", "safe.contoso.test"),
    ],
)
def test_names(what: Described, text: str, module: str, target: str) -> None:
    meant = Targets(what, any_target=False).meant(text, module)
    assert (meant.job.target.text, meant.configured) == (target, True)
    assert meant.job.options.timeout_s == 7


def test_a_targets_own_keys_hold(what: Described) -> None:
    meant = Targets(what, any_target=False).meant("mail.contoso.test", "from-eop")
    assert meant.job.addresses == ("127.0.0.2",)
    assert meant.job.options.settings.expiring_days == 50
    assert meant.job.options.direction is Direction.FROM_EOP  # the module's
    assert meant.expectation


@pytest.mark.parametrize("direction", list(Direction))
def test_a_direction_tells_two_targets_apart(what: Described, direction: Direction) -> None:
    meant = Targets(what, any_target=False).meant("both.contoso.test", direction.value)
    assert meant.job.options.direction is direction
    assert meant.job.options.sni == ("other.contoso.test" if direction is Direction.FROM_EOP else None)


@pytest.mark.parametrize(
    ("text", "module", "kind", "said"),
    [
        ("other.test", "", NotConfiguredError, '"other.test" is no configured target'),
        ("mail.contoso.test:26", "", NotConfiguredError, '"mail.contoso.test:26" is no configured target'),
        ("contoso.test", "", NotConfiguredError, '"contoso.test" is no configured target'),
        ("a..b", "", TargetError, "not a host name"),
        ("a.test\0", "", TargetError, "no blanks or control characters"),
        ("both.contoso.test", "", UnknownModuleError, "2 configured targets are called"),
        ("mx:contoso.test", "berlin", UnknownModuleError, 'is not in the group "berlin"'),
        (
            "mail.contoso.test", "<b>\x1b", UnknownModuleError,
            'there is no module "<b>\\x1b"; there are to-eop, from-eop, berlin, empty',
        ),
    ],
)  # fmt: skip
def test_refused(what: Described, text: str, module: str, kind: type[ProbeError], said: str) -> None:
    with pytest.raises(kind) as refused:
        Targets(what, any_target=False).meant(text, module)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("module", "direction", "days"),
    [
        ("", "to-eop", None),
        ("from-eop", "from-eop", None),
        ("berlin", "to-eop", 50),
        ("empty", "from-eop", None),
    ],
)
def test_any_target_is_probed_by_what_its_module_says(
    what: Described, module: str, direction: str, days: int | None
) -> None:
    meant = Targets(what, any_target=True).meant("other.test:2525", module)
    options = meant.job.options
    assert (meant.configured, meant.job.target.text, meant.job.addresses) == (False, "other.test:2525", ())
    assert (options.direction.value, options.timeout_s) == (direction, 7)
    assert days is None or options.settings.expiring_days == days


@pytest.mark.parametrize("text", ["other.test", "mx:other.test", "192.0.2.7"])
def test_what_is_not_configured_is_probed_at_public_addresses_alone(what: Described, text: str) -> None:
    everyone, own = (Targets(what, any_target=True, private=each) for each in (False, True))
    assert everyone.meant(text, "").job.options.public_only
    assert not own.meant(text, "").job.options.public_only
    assert not everyone.meant("mx:contoso.test", "").job.options.public_only  # it is configured
    asks = replace(what.base, revocation=True, revocation_allow_private=True)
    options = public(parse_target(text), asks)
    assert (options.revocation, options.revocation_allow_private) == (True, False)


def test_without_a_fleet(what: Described) -> None:
    alone = Described(entries={}, base=what.base, keys=what.keys)
    targets = Targets(alone, any_target=True)
    assert targets.meant("other.test", "from-eop").job.options.direction is Direction.FROM_EOP
    with pytest.raises(UnknownModuleError):
        targets.meant("other.test", "berlin")
    assert targets.follow(what).ways
    assert targets.meant("mail.contoso.test", "berlin").configured
