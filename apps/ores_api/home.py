"""One home of the cloud behind the ORES endpoints."""

from datetime import datetime

from apps.ores_api import selectors, services
from apps.sites.api.access import Access
from vpp.protocols.ores.facts import Checked, Facts, Held, Note, Preferences, Row, Wish


class CloudHome:
    """Reads by selectors, writes by services; `now` stands still for a request."""

    def __init__(self, access: Access, *, now: datetime) -> None:
        self._site = access.site
        self._actor = access.actor
        self._now = now

    def facts(self) -> Facts:
        """What is known now."""
        return selectors.facts(site=self._site, now=self._now)

    def recorded(self, starts_at: int, ends_at: int, *, limit: int) -> list[Row]:
        """Snapshots as they came."""
        return selectors.recorded(site=self._site, starts_at=starts_at, ends_at=ends_at, limit=limit)

    def quarters(self, starts_at: int, ends_at: int) -> list[Row]:
        """Quarter-hours."""
        return selectors.quarters(site=self._site, starts_at=starts_at, ends_at=ends_at)

    def wishes(self) -> list[Wish]:
        """What the owner wants, as passed on from here."""
        return selectors.wishes(site=self._site, now=self._now)

    def wish(self, wish: Wish) -> Wish:
        """Pass a wish on."""
        return services.wish_pass_on(site=self._site, wish=wish, actor=self._actor, now=self._now)

    def preferences(self) -> Held:
        """What is set."""
        return selectors.preferences(site=self._site, now=self._now)

    def prefer(self, change: Preferences) -> Held:
        """Pass preferences on."""
        services.preferences_change(site=self._site, wanted=change, actor=self._actor, now=self._now)
        return self.preferences()

    def notes(self, *, limit: int) -> list[Note]:
        """What the hub was told lately."""
        return selectors.notes(site=self._site, limit=limit)

    def checks(self, *, limit: int) -> list[Checked]:
        """Checks that the hub was asked for, by whomever."""
        return selectors.checks(site=self._site, limit=limit)

    def check(self, name: str) -> Checked:
        """Have the link ask the hub."""
        return services.check_ask(site=self._site, name=name, actor=self._actor, now=self._now)
