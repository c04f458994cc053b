"""Every error hotsite raises on purpose.

HotsiteError
├── RetryableError       the same call may succeed later
│   ├── UnreachableError     no answer from a Region, broker, name or table
│   ├── ThrottledError       a quota said "later"
│   ├── TooOftenError        this caller asked more often than it may
│   ├── ConflictError        somebody else wrote first
│   └── NotReadyError        the world is not there yet (or not any more)
└── PermanentError       the same call will never succeed
    ├── InvalidInputError    the caller sent something wrong
    ├── RefusedError         the caller is not allowed to have this
    ├── NotFoundError        there is no such thing
    ├── AlreadyUsedError     it can be used once, and it was
    └── UnsafePlanError      the plan is not safe: its limits or its preflight say no
"""


class HotsiteError(Exception):
    """The root: catch this at a face, nothing narrower, nothing wider."""


class RetryableError(HotsiteError):
    """The same call may succeed later; flows retry within their budget."""


class UnreachableError(RetryableError):
    """No answer arrived from a Region, a broker, a name or a table."""


class ThrottledError(RetryableError):
    """A quota was used up; the same call may succeed after a wait."""


class TooOftenError(RetryableError):
    """One caller asked more often than it may; others are served meanwhile."""


class ConflictError(RetryableError):
    """Somebody else wrote first: read again, then decide again."""


class NotReadyError(RetryableError):
    """The world that was asked is not up yet, or has just gone down."""


class PermanentError(HotsiteError):
    """The same call will never succeed; flows record it and move on."""


class InvalidInputError(PermanentError):
    """The caller sent something that the contract does not allow."""


class RefusedError(PermanentError):
    """The caller is known to lack the right to what it asked for."""


class NotFoundError(PermanentError):
    """What was asked for does not exist."""


class AlreadyUsedError(PermanentError):
    """What can be used once was used before, for something else."""


class UnsafePlanError(PermanentError):
    """The plan changes more than its limits allow, or something speaks against it."""
