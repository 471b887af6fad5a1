"""What a household may change."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.hubs.credentials import Made, s2_credential_create, s2_credential_revoke
from apps.hubs.device_inbox import device_decide, devices_look
from apps.hubs.models import DeviceProposal, Hub, S2Credential
from apps.hubs.pairings import pairing_ask
from apps.hubs.services import hub_claim
from apps.portal.errors import OwnerOnlyError
from apps.programs.models import OptOut
from apps.programs.services import opt_out_create
from apps.settlement.disputes import dispute_open
from apps.settlement.models import Dispute, Statement
from apps.sites.households import standing_of
from apps.sites.models import Site
from apps.sites.selectors import is_owner


def claim_hub(
    *, user: User, site: Site, code: str, machine_now: datetime, now: datetime, replaces: bool = False
) -> Hub:
    """Bind the hub that shows `code` to the owner's home (wrong guesses are few, see apps.hubs.guesses)."""
    _check_installs(user, site)
    return hub_claim(
        site=site, code=code, actor=user.email, machine_now=machine_now, now=now, replaces=replaces
    )


def make_s2_credential(*, user: User, site: Site, name: str, role: str, now: datetime) -> Made:
    """Let a device of the owner's home speak to the cloud."""
    _check_installs(user, site)
    return s2_credential_create(site=site, name=name, role=role, actor=user.email, now=now)


def revoke_s2_credential(*, user: User, site: Site, credential_id: int, now: datetime) -> S2Credential:
    """Shut a device of the owner's home out."""
    _check_installs(user, site)
    return s2_credential_revoke(site=site, credential_id=credential_id, actor=user.email, now=now)


def opt_out(*, user: User, site: Site, signal_id: UUID, now: datetime) -> OptOut:
    """Take the owner's home out of one event, at once."""
    _check_owner(user, site)
    return opt_out_create(signal_id=signal_id, site=site, user=user, reason="said so in the portal", now=now)


def object_to(*, user: User, statement: Statement, reason: str, now: datetime) -> Dispute:
    """Object to a statement of the owner's home."""
    _check_owner(user, statement.site)
    return dispute_open(statement=statement, user=user, reason=reason, now=now)


def decide_device(*, user: User, site: Site, proposal_id: int, act: str, now: datetime) -> DeviceProposal:
    """Add a device that the home's hub found, say that it is not one's own, take that back, or remove it."""
    _check_installs(user, site)
    return device_decide(site=site, proposal_id=proposal_id, act=act, actor=user.email, now=now)


def look_for_devices(*, user: User, site: Site, now: datetime) -> None:
    """Ask the home's hub to look for devices."""
    _check_installs(user, site)
    devices_look(site=site, actor=user.email, now=now)


def ask_for_pairing_code(*, user: User, site: Site, now: datetime) -> None:
    """Ask the home's hub for a code with which a device pairs with it."""
    _check_installs(user, site)
    pairing_ask(site=site, actor=user.email, now=now)


def _check_owner(user: User, site: Site) -> None:
    if not is_owner(user=user, site=site):
        raise OwnerOnlyError(_("only an owner of this home decides this"))


def _check_installs(user: User, site: Site) -> None:
    standing = standing_of(user=user, site_id=site.pk)
    if standing is None or "install" not in standing.rights:
        raise OwnerOnlyError(_("only an owner of this home decides this"))
