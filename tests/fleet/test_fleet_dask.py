"""``fleet run --engine dask`` on a real scheduler and real workers: the local engine's results, each once."""

from __future__ import annotations

import gc
import json
import logging
import re
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from distributed.security import Security

from probe import GARBAGE_THRESHOLD
from probe.check.engine import Engine
from probe.check.options import CheckOptions
from probe.check.pace import DEFAULT_PACE, Pace
from probe.check.rates import Rate
from probe.check.run import Done, Job
from probe.fleet.dask.cluster import Cluster, Tls, different
from probe.fleet.dask.run import AHEAD, BATCH
from probe.fleet.dask.wire import Answer, Lists, Order, packed, unpacked
from probe.fleet.dask.worker import exchange
from probe.history.database import Database
from probe.history.read import spans
from probe.net.clock import monotonic
from probe.net.target import parse_target
from tests.cli.running import CA, EXPIRING, HEALTHY, HOST, ISSUING, LONELY, NOW, ROOT, SELF, Cli, Ran, hold
from tests.eop.weighing import anchors
from tests.fleet.clusters import Counted, address, cluster
from tests.fleet.test_fleet_run import ELEMENT, servers, written
from tests.net.scripted import ScriptedServer

pytest_plugins = ("tests.cli.conftest",)

WITHOUT_TLS = (
    "eop-probe: without TLS (tls:// and --scheduler-ca) whoever reaches the scheduler"
    " can run code on its workers\n"
)
OTHER = CA.root("Another Root")
TIMES = {"started_at", "elapsed_ms", "at_ms"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(cli: Cli, scheduler: str, targets: list[dict[str, Any]], *options: str) -> Ran:
    words = ("fleet", "run", written(targets), "--stand-in", cli.store, "--format", "jsonl", *options)
    return cli(*words, "--engine", "dask", "--scheduler", scheduler)


def timeless(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """JSON without its times."""
    if isinstance(value, list):
        return [timeless(one) for one in value]
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if key not in TIMES}
    return value


def lines(out: str) -> list[str]:
    """Each result without its times, in an order of its own."""
    found = [json.loads(line) for line in out.splitlines()]
    for one in found:
        ELEMENT.validate(one)
    return sorted(json.dumps(timeless(one)) for one in found)


def many(count: int, port: int, **keys: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any keys
    return [{"host": HOST, "addresses": [address(number)], "port": port, **keys} for number in range(count)]


def test_the_results_are_those_of_the_local_engine(cli: Cli) -> None:
    scripts = (HEALTHY, LONELY, SELF, EXPIRING) * 3
    with servers(*scripts) as targets, cluster() as made:
        targets[0]["expect"] = {"sha256": ["00" * 32]}
        targets[1]["stores"] = ["mozilla"]
        targets[2] |= {"direction": "from-eop", "samples": 2, "labels": {"site": "berlin"}}
        targets += [{"host": HOST, "addresses": ["127.0.0.1"], "port": 1}]
        at = ("--at", NOW.isoformat())
        here = cli("fleet", "run", written(targets), "--stand-in", cli.store, "--format", "jsonl", *at)
        there = run(cli, made.scheduler_address, targets, *at)
    assert lines(there.out) == lines(here.out)
    assert len(lines(there.out)) == len(targets)
    assert (there.code, there.err) == (here.code, WITHOUT_TLS)


def test_every_address_of_a_target_and_the_vantage_point_of_its_worker(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server, cluster(1) as made:
        targets = [{"host": HOST, "addresses": [address(1), address(2)], "port": server.port}]
        ours = run(cli, made.scheduler_address, targets, "--vantage", "berlin")
        monkeypatch.setenv("EOP_PROBE_VANTAGE", "o" * 65)
        theirs = run(cli, made.scheduler_address, targets, "--vantage", "berlin")
    for ran, vantage in ((ours, "berlin"), (theirs, "o" * 64 + "...(1 more)")):
        found = [json.loads(line) for line in ran.out.splitlines()]
        assert {one["address"] for one in found} == {address(1), address(2)}
        assert {one["vantage"] for one in found} == {vantage}


def test_a_worker_that_goes_in_the_middle(cli: Cli) -> None:
    """Nothing is lost, nothing is doubled; only what was under way is looked at again."""
    counted = Counted(mark=60)
    with ScriptedServer(counted, host="0.0.0.0") as server, cluster() as made:
        targets = many(300, server.port)

        def close() -> None:
            assert counted.reached.wait(60)
            made.sync(made.workers[0].close)

        closing = threading.Thread(target=close)
        closing.start()
        options = ("--concurrency", "10", "--record", "--history", "h.sqlite")
        ran = run(cli, made.scheduler_address, targets, *options)
        closing.join()
    assert ran.code == 0
    assert " is gone" in ran.err or " was started anew" in ran.err
    done = Counter(json.loads(line)["address"] for line in ran.out.splitlines())
    assert done == dict.fromkeys(map(address, range(300)), 1)
    database = Database("h.sqlite")
    kept = database.run(lambda connection: list(spans(connection)))
    database.close()
    assert Counter(span.endpoint.address for span in kept) == done
    assert {span.looks for span in kept} == {1}
    again = [one for one, looks in Counter(one for _, one in counted.looks).items() if looks > 1]
    assert len(again) <= 10 + AHEAD * BATCH


def test_a_defect_of_a_worker_costs_no_result(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, broken = Engine.run, [True]

    def breaks_once(self: Engine) -> Iterator[Done]:
        for done in sound(self):
            yield done
            if broken:
                broken.clear()
                raise RuntimeError("of\x1b[2J\nmany lines")

    monkeypatch.setattr(Engine, "run", breaks_once)
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server, cluster(1) as made:
        ran = run(cli, made.scheduler_address, many(20, server.port))
    assert ran.code == 0
    assert Counter(json.loads(line)["address"] for line in ran.out.splitlines()) == dict.fromkeys(
        map(address, range(20)), 1
    )
    assert r" failed: RuntimeError: of\x1b[2J\x0amany lines" in ran.err
    assert " under way there go elsewhere\n" in ran.err


def test_a_target_that_costs_too_many_workers(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.fleet.dask.run.MAX_LOST", 1)
    counted = Counted(1, hold)
    with ScriptedServer(counted) as server, cluster() as made:

        def close() -> None:
            assert counted.reached.wait(60)
            for worker in list(made.workers.values()):
                made.sync(worker.close)

        closing = threading.Thread(target=close)
        closing.start()
        ran = run(
            cli, made.scheduler_address, [{"host": HOST, "addresses": ["127.0.0.1"], "port": server.port}]
        )
        closing.join()
    [one] = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, one["outcome"]) == (3, "unknown")
    assert "1 workers were lost while it was under way" in json.dumps(one["findings"])


def test_the_rate_is_that_of_all_workers_together(cli: Cli) -> None:
    counted = Counted()
    with ScriptedServer(counted, host="0.0.0.0") as server, cluster() as made:
        targets = [{"host": HOST, "addresses": [f"127.80.1.{n}"], "port": server.port} for n in range(1, 61)]
        began = monotonic()
        ran = run(cli, made.scheduler_address, targets, "--rate", "20")
        took = monotonic() - began
    assert ran.code == 0
    assert len(counted.looks) == 60
    assert took > 1.95  # at the rate of each alone it would be one second, and a little


def test_a_rate_that_changes_counts_what_was_begun() -> None:
    rate = Rate(4.0)
    for _ in range(4):
        rate.note("a", 10.0)
    rate.change(2.0)
    assert rate.free_at("a", 10.5) == 11.0
    rate.change(0.5)
    assert (rate.free_at("a", 10.5), rate.free_at("b", 10.5)) == (12.0, 10.5)
    assert Pace(per_operator_rate=9).share(3).rates == pytest.approx((10 / 3, 50 / 3, 3))


class TestSessions:
    """What a worker does with orders, whoever sends them."""

    def order(self, number: int, port: int = 0, **more: Any) -> bytes:  # noqa: ANN401 - any field
        if port:
            lists, options = Lists(), CheckOptions(stores=lambda: [anchors(ROOT)])
            jobs = [Job(number, parse_target(f"{address(1)}:{port}"), options)]
            more |= {"jobs": lists.packed(jobs), "stores": lists.lacking(jobs, set())}
        return packed(Order("one", number, more.pop("taken", 0), DEFAULT_PACE, **more))

    def asked(self, client: Client, data: bytes) -> Answer:
        answer: Answer = unpacked(client.submit(exchange, data, pure=False).result())
        return answer

    def test_an_order_that_comes_twice_is_done_once_and_answers_are_given_again(self) -> None:
        counted = Counted()
        with (
            ScriptedServer(counted, host="0.0.0.0") as server,
            cluster(1) as made,
            Client(made, set_as_default=False) as client,
        ):
            first = self.order(1, server.port)
            answers = [self.asked(client, first) for _ in range(3)]
            found = [one.assessment for each in answers for one in each.found]
            assert len({one.started_at for one in found}) == 1
            assert found
            last = self.asked(client, self.order(2, taken=1, end=True))
            assert (last.first, last.found) == (1, ())
            assert self.asked(client, self.order(3)).lost
        assert len(counted.looks) == 1

    def test_a_worker_that_was_started_anew_knows_nothing(self) -> None:
        with cluster(1) as made, Client(made, set_as_default=False) as client:
            assert self.asked(client, self.order(2)).lost

    def test_one_that_nobody_asks_for_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with cluster(1) as made, Client(made, set_as_default=False) as client:
            before = gc.get_threshold()
            assert not self.asked(client, self.order(1)).lost
            assert gc.get_threshold() == (GARBAGE_THRESHOLD, *before[1:])  # as in the command's own process
            [thread] = [one for one in threading.enumerate() if one.name == "eop-probe"]
            monkeypatch.setattr("probe.fleet.dask.worker.UNATTENDED_S", 0.0)
            thread.join(60)
            assert gc.get_threshold() == before
            assert self.asked(client, self.order(2)).lost


class TestAway:
    def test_no_worker(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("probe.fleet.dask.run.AWAY_S", 1.0)
        with cluster(0) as made:
            ran = run(cli, made.scheduler_address, [{"host": HOST}])
            said = f"eop-probe: no worker answers at {made.scheduler_address}, for 1 seconds now\n"
        assert (ran.code, ran.out, ran.err) == (3, "", WITHOUT_TLS + said)

    def test_a_scheduler_that_goes(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was done is reported."""
        counted = Counted(8)
        with (
            ScriptedServer(counted, host="0.0.0.0") as server,
            ScriptedServer(hold) as silent,
            cluster() as made,
        ):
            at = made.scheduler_address

            def close() -> None:
                assert counted.reached.wait(60)
                for module in ("cluster", "run"):
                    monkeypatch.setattr(f"probe.fleet.dask.{module}.AWAY_S", 1.0)
                made.close()

            closing = threading.Thread(target=close)
            closing.start()
            held = {"host": HOST, "addresses": ["127.0.0.1"], "port": silent.port}
            ran = run(cli, at, [*many(8, server.port), held])
            closing.join()
        assert ran.code == 3
        # Its workers may be missed first.
        assert re.search(
            f"eop-probe: (there is no scheduler|no worker answers) at {at}, for 1 seconds now\n", ran.err
        )
        assert ran.err.endswith(" of 9 targets are done\n")


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ((), "--engine dask needs --scheduler tls://HOST:PORT\n"),
            (("--scheduler", "h:1"), "--engine dask needs --scheduler tls://HOST:PORT, not h:1\n"),
            *(
                (("--scheduler", at), f"no scheduler can be reached at {at}: ")
                for at in ("tcp://127.0.0.1:1", "tcp://dask..test:8786")
            ),
            *(
                (("--scheduler", at), f"--engine dask needs --scheduler tls://HOST:PORT, not {at}\n")
                for at in ("tcp://127.0.0.1:x", "tls://127.0.0.1", "tls://:8786", "tls://[::1:8786")
            ),
        ],
    )
    def test_words(self, cli: Cli, options: tuple[str, ...], said: str) -> None:
        ran = cli("fleet", "run", written([{"host": HOST}]), "--engine", "dask", *options)
        assert (ran.code, ran.out) == (3, "")
        assert f"eop-probe: {said}" in ran.err

    def test_without_dask_its_extra_is_named(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "distributed", None)
        ran = run(cli, "tls://127.0.0.1:1", [{"host": HOST}])
        said = "eop-probe: --engine dask needs an extra: pip install 'eop-probe[dask]'\n"
        assert (ran.code, ran.out, ran.err) == (3, "", said)

    def test_another_kind_of_server(self, cli: Cli) -> None:
        with servers(HEALTHY) as targets:
            at = f"tcp://{targets[0]['addresses'][0]}:{targets[0]['port']}"
            ran = run(cli, at, targets)
        assert (ran.code, ran.out) == (3, "")
        assert ran.err.endswith(f"no scheduler can be reached at {at}: what answers there is no scheduler\n")

    def test_what_is_logged_and_warned_of_later_is_heard(self, cli: Cli) -> None:
        before = list(warnings.filters)
        with servers(HEALTHY) as targets, cluster(1) as made:
            run(cli, made.scheduler_address, targets)
            assert (logging.root.manager.disable, warnings.filters) == (0, before)
        run(cli, "tcp://127.0.0.1:1", targets)
        assert (logging.root.manager.disable, warnings.filters) == (0, before)

    def test_a_client_that_ends_badly_says_nothing(self) -> None:
        """What is raised where nobody can catch it would fail this test, as a warning."""

        def badly() -> None:
            raise RuntimeError("cannot be closed")

        with cluster(1) as made:
            with Cluster(made.scheduler_address, Tls()) as ended:
                pass
            ended._client.close = badly
            del ended
            gc.collect()

    def test_a_machine_with_another_version(self) -> None:
        ours = {"Python": "3.11", "eop-probe": "1.0", "distributed": "2026.8.0"}
        theirs = ours | {"eop-probe": "no", "Python": "3.12"}
        said = "the worker w has Python 3.12, eop-probe no; this machine has Python 3.11, eop-probe 1.0"
        assert different("the worker w", theirs, ours) == said
        assert different("the worker w", ours, ours) == ""


class TestTls:
    def security(self, folder: Path) -> dict[str, Path]:
        (folder / "ca.pem").write_text(ROOT.pem)
        leaf = CA.leaf(ISSUING, "127.0.0.1")
        (folder / "part.pem").write_text(leaf.pem + ISSUING.pem)
        (folder / "part.key").write_text(leaf.key_pem)
        return {"ca": folder / "ca.pem", "cert": folder / "part.pem", "key": folder / "part.key"}

    def cluster_security(self, files: dict[str, Path]) -> Security:
        given = {
            f"tls_{part}_{kind}": str(files[kind])
            for part in ("client", "scheduler", "worker")
            for kind in ("cert", "key")
        }
        return Security(tls_ca_file=str(files["ca"]), require_encryption=True, **given)

    def test_the_parts_know_each_other_by_certificate(self, cli: Cli, tmp_path: Path) -> None:
        files = self.security(tmp_path)
        words = [word for kind, file in files.items() for word in (f"--scheduler-{kind}", str(file))]
        with servers(HEALTHY, SELF) as targets, cluster(1, self.cluster_security(files)) as made:
            ran = run(cli, made.scheduler_address, targets, *words)
            bare = run(cli, made.scheduler_address, targets)
            (tmp_path / "ca.pem").write_text(OTHER.pem)
            stranger = run(cli, made.scheduler_address, targets, *words)
        assert (ran.code, ran.err, len(ran.out.splitlines())) == (2, "", 2)
        needs = "eop-probe: tls:// needs --scheduler-ca and --scheduler-cert, or the same in Dask's configuration\n"
        assert (bare.code, bare.out, bare.err) == (3, "", needs)
        assert (stranger.code, stranger.out) == (3, "")
        assert stranger.err.startswith(
            f"eop-probe: no scheduler can be reached at {made.scheduler_address}: "
        )
        assert "certificate verify failed" in stranger.err

    @pytest.mark.parametrize(
        ("kind", "content", "said"),
        [
            ("ca", None, "--scheduler-ca ca.pem cannot be read: No such file or directory"),
            ("ca", "nothing", "--scheduler-ca is no certificate in PEM ("),
            ("key", OTHER.key_pem, "--scheduler-cert and --scheduler-key are no certificate and its unencrypted key ("),
            ("cert", "nothing", "--scheduler-cert and --scheduler-key are no certificate and its unencrypted key ("),
        ],
    )  # fmt: skip
    def test_a_file_that_is_amiss_is_named(self, cli: Cli, kind: str, content: str | None, said: str) -> None:
        files = {name: Path(file.name) for name, file in self.security(Path()).items()}
        files[kind].unlink()
        if content:
            files[kind].write_text(content)
        words = [word for name, file in files.items() for word in (f"--scheduler-{name}", str(file))]
        ran = run(cli, "tls://127.0.0.1:1", [{"host": HOST}], *words)
        assert (ran.code, ran.out) == (3, "")
        assert ran.err.startswith(f"eop-probe: {said}")
