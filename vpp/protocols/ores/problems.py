"""What a request is refused with: problem details (RFC 9457) with a stable code."""

import msgspec

from vpp.errors import VppError


class Problem(msgspec.Struct):
    """Why a request was refused; `code` is for programs, `detail` for people."""

    status: int
    code: str
    title: str
    detail: str
    type: str = "about:blank"


class OresError(VppError):
    """A request that cannot be answered."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code  # type: ignore[misc]  # one error class, many codes


def problem(status: int, code: str, *, detail: str) -> Problem:
    """The problem's wire form."""
    return Problem(status, code, code.replace("_", " "), detail)
