"""What an operator may do for one site; each leaves a line in the audit log."""

from collections.abc import Mapping
from datetime import datetime

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.accounts.services import audit
from apps.common.errors import DomainError
from apps.console.site_filter import SiteFilter
from apps.programs.enrollments import enrollment_end, site_enroll
from apps.programs.models import GridSignal
from apps.programs.selectors import programs_of_organization
from apps.programs.services import opt_out_create
from apps.sites.models import Site

LONGEST_REASON = 200


def opt_out(*, site: Site, signal: GridSignal, user: User, reason: str, now: datetime) -> None:
    """Say no to an event for a household that asked for it; viewers may not."""
    _must_operate(user, site.organization)
    reason = reason.strip()
    if not 0 < len(reason) <= LONGEST_REASON or "\x00" in reason:
        raise DomainError(f"Say why, in at most {LONGEST_REASON} characters.", code="reason_invalid")
    opt_out_create(signal_id=signal.pk, site=site, user=user, reason=reason, now=now)


def change_enrollment(*, site: Site, user: User, sent: Mapping[str, str], now: datetime) -> str:
    """Let a site join a program or leave it, as a form asks; return what was done. Viewers may not."""
    _must_operate(user, site.organization)
    number = sent.get("program", "")
    programs = programs_of_organization(organization=site.organization)
    program = programs.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 18 else None
    if program is None:
        raise DomainError("Choose a program.", code="program_unknown", status=404)
    if sent.get("do") == "join":
        site_enroll(program=program, site=site, actor=user.email, now=now)
        return f"{site.name} takes part in {program.name}."
    if sent.get("do") == "leave":
        enrollment_end(program=program, site=site, actor=user.email, now=now)
        return f"{site.name} takes part in {program.name} no more."
    raise DomainError("Join or leave?", code="form_invalid")


def note_download(*, organization: Organization, user: User, chosen: SiteFilter, now: datetime) -> None:
    """Note who took a list of sites with them, and of which."""
    audit(
        organization=organization, actor=user.email, action="sites_download", subject="sites", now=now,
        filter=chosen.query,
    )  # fmt: skip


def _must_operate(user: User, organization: Organization) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator can do that for a household")
