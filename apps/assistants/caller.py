"""Who speaks through an assistant."""

import dataclasses
from datetime import datetime

from apps.accounts.models import User
from apps.sites.api.access import Granted


@dataclasses.dataclass(frozen=True)
class Caller:
    """A person, what they let the assistant do, and the instant of the request."""

    user: User
    granted: Granted
    now: datetime

    @property
    def actor(self) -> str:
        """Who the audit log names."""
        return self.user.email
