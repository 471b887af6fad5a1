"""Anticipated failures of the assistants' doors; each protocol says them in its own words."""

from apps.common.errors import DomainError, ForbiddenError, NotFoundError


class ControlNotGrantedError(ForbiddenError):
    code = "control_not_granted"


class ThingUnknownError(NotFoundError):
    code = "thing_unknown"


class NoBatteryError(DomainError):
    code = "no_battery"


class AskInvalidError(DomainError):
    """What was asked cannot be read."""

    code = "ask_invalid"


class AskUnknownError(DomainError):
    """It can be read, and is nothing that this thing does."""

    code = "ask_unknown"


class ValueRefusedError(DomainError):
    code = "value_refused"


class NotTakenError(DomainError):
    """A maker did not take what it was told; later it may."""

    code = "not_taken"


class LinkEndedError(DomainError):
    """A maker wants to hear nothing of this person any more."""

    code = "link_ended"
