"""The root of every failure the energy library anticipates."""

from typing import ClassVar


class VppError(Exception):
    """An anticipated failure with a stable code.

    `permanent` tells the caller that the same request can never succeed.
    """

    code: ClassVar[str] = "vpp_error"
    permanent: ClassVar[bool] = True

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
