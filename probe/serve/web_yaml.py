"""YAML by what a key is to be, not by what its value looks like: `0755`, `on` and `1e3` are text where text is meant.

A key that stands twice, a tag of one's own and a value of another kind are mistakes with their line; values are never
shown, for they may be secrets.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from probe.errors import ConfigurationError
from probe.text import printable

_TAG = "tag:yaml.org,2002:"
#: What a plain scalar may look like where its text is meant.
_PLAIN = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp"))


def document(data: bytes, path: Path) -> Yaml:
    """The top of a file; raises ConfigurationError."""
    try:
        node = yaml.compose(data.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        problem = printable(error.problem or "", 200)
        raise ConfigurationError(f"{printable(str(path))}{line}: this is not YAML: {problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise ConfigurationError(f"{printable(str(path))}: this is not YAML") from None
    return Yaml(node or yaml.ScalarNode(_TAG + "null", ""), str(path), "")


class Yaml:
    """A value, and where it stands."""

    def __init__(self, node: yaml.Node, file: str, key: str) -> None:
        self._node, self._file, self._key = node, file, key

    def wrong(self, text: str) -> ConfigurationError:
        """What is the matter with it."""
        mark = self._node.start_mark
        line = f":{mark.line + 1}" if mark else ""
        key = f" {printable(self._key, 200)}:" if self._key else ""
        return ConfigurationError(f"{printable(self._file)}{line}:{key} {text}")

    def _at(self, node: yaml.Node, key: str) -> Yaml:
        return Yaml(node, self._file, f"{self._key}.{key}" if self._key else key)

    @property
    def empty(self) -> bool:
        """Whether nothing is said."""
        return self._node.tag == _TAG + "null"

    def table(self, *known: str) -> dict[str, Yaml]:
        """Its keys that say anything; with `known` no others may stand there."""
        if self.empty:
            return {}
        if not isinstance(self._node, yaml.MappingNode) or self._node.tag != _TAG + "map":
            raise self.wrong("keys with values are wanted here")
        found: dict[str, Yaml] = {}
        for name, node in self._node.value:
            key = self._at(name, "").text()
            one = self._at(node, key)
            if known and key not in known:
                raise self._at(name, key).wrong(f"there is no such key; known here: {', '.join(known)}")
            if key in found:
                raise self._at(name, key).wrong("this key stands here twice")
            found[key] = one
        return {key: one for key, one in found.items() if not one.empty}

    def each(self) -> list[Yaml]:
        """The elements of a list."""
        if not isinstance(self._node, yaml.SequenceNode) or self._node.tag != _TAG + "seq":
            raise self.wrong("a list is wanted here")
        return [self._at(node, str(number)) for number, node in enumerate(self._node.value)]

    def text(self) -> str:
        """A text as it is written, whatever it looks like."""
        if self.empty:
            return ""
        if not isinstance(self._node, yaml.ScalarNode) or self._node.tag not in _PLAIN:
            raise self.wrong("a text is wanted here")
        return str(self._node.value)

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self._node, yaml.ScalarNode) or self._node.tag != _TAG + "bool":
            raise self.wrong("true or false is wanted here")
        return bool(yaml.SafeLoader.bool_values[self._node.value.lower()])
