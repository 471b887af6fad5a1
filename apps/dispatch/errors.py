"""Anticipated failures of dispatch."""

from apps.common.errors import DomainError, NotFoundError


class SignalUnknownError(NotFoundError):
    code = "signal_unknown"


class PlanUnknownError(NotFoundError):
    code = "plan_unknown"


class InputsNotKeptError(DomainError):
    """The plan was made before what it needs was kept, or by other means than an optimization."""

    code = "inputs_not_kept"
    status = 409


class WhatIfInvalidError(DomainError):
    code = "invalid_what_if"


class AnswerUnderWayError(DomainError):
    code = "answer_under_way"
    status = 409
