"""The whole exception tree: an exception means "could not observe" or "could not be asked".

::

    ProbeError
    ├── ConfigurationError        our user's: an option, a file, a date; exit code 3
    │   ├── TargetError           a target that cannot be read
    │   ├── StoreError            a root list that is unreadable, empty or not what it claims to be
    │   ├── InputError            a certificate or evidence file that cannot be used
    │   └── OutputError           a report that cannot be written
    └── ObservationError          a phase of the conversation failed; becomes the report's `error`
        ├── ResolveError          phase resolve
        │   ├── NoSuchNameError   the name does not exist
        │   └── NullMxError       the domain takes no mail
        ├── ConnectError          phase connect
        │   └── AnswerError       a web server's answer is none, or not whole
        │       └── TooLargeError it is larger than we read
        ├── SmtpError             phase smtp
        └── DeadlineError         phase timeout

An expired certificate or a 454 is evidence, not an exception.
"""

from __future__ import annotations


class ProbeError(Exception):
    """Whatever eop-probe raises on purpose; its text is one sentence for a person."""


class ConfigurationError(ProbeError):
    """The question could not be asked: an option, a file or a date is wrong."""


class TargetError(ConfigurationError):
    """A target is no host, host:port, address, [IPv6]:port or mx:domain."""


class StoreError(ConfigurationError):
    """A root list cannot be read, holds no root, or fails its own signature."""


class InputError(ConfigurationError):
    """A file with certificates or evidence cannot be read or holds nothing usable."""


class OutputError(ConfigurationError):
    """A report cannot be written where it was asked for."""


class ObservationError(ProbeError):
    """The peer could not be observed."""


class ResolveError(ObservationError):
    """A name could not be turned into addresses."""


class NoSuchNameError(ResolveError):
    """The DNS says that a name does not exist."""


class NullMxError(ResolveError):
    """The domain says in DNS that it takes no mail (RFC 7505)."""


class ConnectError(ObservationError):
    """No TCP connection came about."""


class AnswerError(ConnectError):
    """What a web server answers is no answer, or not all of one."""


class TooLargeError(AnswerError):
    """A web server's answer is larger than what is read of one."""


class SmtpError(ObservationError):
    """The SMTP conversation ended before TLS began."""


class DeadlineError(ObservationError):
    """The time allowed for one connection ran out."""
