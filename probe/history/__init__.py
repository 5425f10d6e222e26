"""What was seen before: needs the extra `history`, and says so where it is missing."""

from importlib.util import find_spec

from probe.errors import ConfigurationError

if find_spec("sqlalchemy") is None:
    raise ConfigurationError(
        "a history needs SQLAlchemy, which is not installed here: pip install 'eop-probe[history]'"
    )
