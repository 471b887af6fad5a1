"""What an operator may change."""

from datetime import datetime
from uuid import UUID

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.hubs.models import Hub
from apps.hubs.services import hub_revoke


def revoke_hub(*, user: User, organization: Organization, hub_id: UUID, now: datetime) -> Hub:
    """Shut a hub out for good; viewers may not."""
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator can revoke a hub")
    return hub_revoke(organization=organization, hub_id=str(hub_id), actor=user.email, now=now)
