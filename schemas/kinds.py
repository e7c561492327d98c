"""The kinds of messages that a party can choose for, each with the templates that it stands for.

Who asks something hears that we have it on the road on which they asked, and may not be spared it: the Awb wants a
message that came in over the net to be confirmed. So that is no kind to choose for.
"""

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "appointments": ("appointment-booked", "appointment-changed", "appointment-cancelled"),
    "reminders": ("appointment-reminder",),
    "progress": ("case-status",),
    "opinions": ("opinion-contact", "opinion-case"),
    "cases": ("case-opened", "case-due", "case-closed", "case-reopened"),
}
# That it came in, by when it is decided and what was decided has to be told (Awb 3:41, 4:14, 4:15); and who does not
# hear that an appointment moved comes for nothing.
OPTIONAL: Final = frozenset({"reminders", "progress", "opinions"})
OFF: Final = "off"  # As a channel: on none.
USUAL: Final = "unknown"  # As a channel: as they hear of all else.


def kind_of(template: str) -> str:
    """Its kind; empty where nobody can choose for it."""
    return next((kind for kind, templates in KINDS.items() if template in templates), "")
