"""Who may change a home."""

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.portal.errors import OwnerOnlyError
from apps.sites.models import Site
from apps.sites.selectors import is_owner


def check_owner(*, user: User, site: Site) -> None:
    """Refuse everybody but the home's owners."""
    if not is_owner(user=user, site=site):
        raise OwnerOnlyError(_("only an owner of this home decides this"))
