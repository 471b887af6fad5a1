"""The end of a home's data: asked for by an owner, two weeks to think about it, then gone.

What was paid stays, as the law on accounts wants it: statements, payouts and trades stand on a home without name, place,
people or measurements. Everything else is deleted, whatever table it stands in.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Model, ProtectedError
from django.db.models.functions import Now

from apps.accounts.models import AuditEntry, Membership, User
from apps.accounts.services import audit
from apps.common.queue import enqueue_on_commit
from apps.hubs.models import Hub
from apps.hubs.services import hub_revoke
from apps.markets.models import ChainParty, Order, Participant, TermsAcceptance
from apps.privacy.errors import DeletionUnderWayError, NoDeletionError
from apps.privacy.models import Deletion
from apps.privacy.tables import models_of_site
from apps.settlement.models import Dispute
from apps.sites.households import check_owner
from apps.sites.models import Site, SiteMember
from apps.telemetry.privacy import telemetry_delete

COOLING_OFF: Final = timedelta(days=14)
# What payments stand on, and nothing else.
KEPT: Final = frozenset({"settlement.Statement", "settlement.Payout", "markets.ParticipantSite"})
NOBODY: Final = "deleted person"


def deletion_of_site(*, site: Site) -> Deletion | None:
    """Return the deletion that waits, if one does."""
    return Deletion.objects.filter(site=site, undone_at=None).first()


@transaction.atomic
def deletion_ask(*, site: Site, user: User, machine_now: datetime, now: datetime) -> Deletion:
    """Let a home's data end in two weeks; any of its owners can take that back until then."""
    check_owner(site=site, user=user)
    Site.objects.select_for_update().get(pk=site.pk)
    if deletion_of_site(site=site) is not None:
        raise DeletionUnderWayError("the home is to be deleted already")
    due_at = machine_now + COOLING_OFF
    made = Deletion.objects.create(site=site, asked_by=user.email, asked_at=now, due_at=due_at)
    _audit(site, actor=user.email, action="deletion_ask", now=now)
    return made


@transaction.atomic
def deletion_undo(*, site: Site, user: User, now: datetime) -> None:
    """Take it back."""
    check_owner(site=site, user=user)
    Site.objects.select_for_update().get(pk=site.pk)
    if not Deletion.objects.filter(site=site, undone_at=None).update(undone_at=now):
        raise NoDeletionError("nothing is to be deleted")
    _audit(site, actor=user.email, action="deletion_undo", now=now)


def deletions_due(*, now: datetime) -> int:
    """Start the deletions whose time has come; return how many."""
    due = list(Deletion.objects.filter(undone_at=None, due_at__lte=Now()).order_by("pk"))
    for one in due:
        with transaction.atomic():
            enqueue_on_commit("privacy.delete_home", site_id=one.site_id)
    return len(due)


@transaction.atomic
def home_delete(*, site_id: int, now: datetime) -> bool:
    """Delete a home whose time has come; False where there is none, or it was taken back."""
    site = Site.objects.select_for_update().select_related("organization").filter(pk=site_id).first()
    waits = Deletion.objects.filter(site_id=site_id, undone_at=None, due_at__lte=Now()).exists()
    if site is None or site.closed_at is not None or not waits:
        return False
    people = list(User.objects.filter(site_members__site=site))
    for hub in Hub.objects.filter(site=site, state=Hub.State.ACTIVE):
        hub_revoke(organization=site.organization, hub_id=str(hub.pk), actor=NOBODY, now=now)
    telemetry_delete(site_id=site.pk)
    _delete_rows(site)
    _forget_people(site, people)
    _close(site, now=now)
    return True


def _delete_rows(site: Site) -> None:
    """Every row of every table that points to the home, save what payments stand on."""
    waiting = [row for row in models_of_site() if row[0]._meta.label not in KEPT]
    while waiting:
        left: list[tuple[type[Model], str, bool]] = []
        for model, field, owned in waiting:
            rows = model._default_manager.filter(**{field: site})
            if not owned:
                rows.update(**{field: None})
                continue
            try:
                with transaction.atomic():
                    rows.delete()
            except ProtectedError:
                left.append((model, field, owned))
        if len(left) == len(waiting):
            raise RuntimeError(f"rows of {[model._meta.label for model, _, _ in left]} hold each other")
        waiting = left


def _forget_people(site: Site, people: list[User]) -> None:
    """Accounts without another home or work end too; what they did stays, by nobody's name."""
    trail = AuditEntry.objects.filter(organization=site.organization)
    trail.filter(subject=f"site {site.pk}").update(detail={})
    for user in people:
        if (
            SiteMember.objects.filter(user=user).exists()
            or Membership.objects.filter(user=user).exists()
            or user.is_staff
        ):
            trail.filter(subject=f"site {site.pk}", actor=user.email).update(actor=NOBODY)
            continue
        AuditEntry.objects.filter(actor=user.email).update(actor=NOBODY)
        for model, field in ((TermsAcceptance, "accepted_by"), (Order, "placed_by")):
            model._default_manager.filter(**{field: user.email}).update(**{field: NOBODY})
        user.delete()


def _close(site: Site, *, now: datetime) -> None:
    """What is left carries no name; nothing of it, and it goes altogether."""
    pseudonym = f"Closed home {secrets.token_hex(4)}"
    Dispute.objects.filter(statement__site=site).update(reason="(deleted with the home)", opened_by=None)
    own = Participant.objects.filter(homes__site=site).exclude(kind=Participant.Kind.AGGREGATOR)
    for one in own:
        Order.objects.filter(participant=one, state=Order.State.OPEN).update(
            state=Order.State.CANCELED, state_reason="the home is closed"
        )
        ChainParty.objects.filter(participant=one).delete()  # without its salt what is on a chain is nobody's
        one.name, one.state, one.automatic = f"{pseudonym} {one.pk}", Participant.State.SUSPENDED, False
        one.save(update_fields=["name", "state", "automatic"])
    kept = [
        model
        for model, field, _ in models_of_site()
        if model._default_manager.filter(**{field: site}).exists()
    ]
    if not kept:
        site.delete()
        return
    blank = Site(
        organization=site.organization, name=pseudonym, time_zone=site.time_zone, created_at=site.created_at
    )
    blank.pk, blank.closed_at = site.pk, now
    blank.save(force_update=True)


def _audit(site: Site, *, actor: str, action: str, now: datetime) -> None:
    audit(organization=site.organization, actor=actor, action=action, subject=f"site {site.pk}", now=now)
