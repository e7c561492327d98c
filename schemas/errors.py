"""What the world can break, and what to do about it. No message ever quotes a value.

DraadError
├── Refused      never again: the same request will fail the same way
├── Unavailable  later: nobody knows whether it was done, so ask again with the same key
├── Ambiguous    perhaps done, and there is no key to ask again with: reconcile before anything else
├── Untrusted    not believed: it is not who it says it is
└── Conflict     somebody else holds this: let go
"""


class DraadError(Exception):
    """A failure with a sentence that a person can act on."""


class Refused(DraadError):
    """Never again: mend the request."""


class Unavailable(DraadError):
    """Later. The outcome is unknown, never "no": repeat it with the same id."""


class Ambiguous(DraadError):
    """Nobody knows whether it was done, and doing it again may do it twice: find out first."""


class Untrusted(DraadError):
    """Not believed, so nothing was kept."""


class Conflict(DraadError):
    """Somebody else holds this task or file: let go, and start over from what is stored."""
