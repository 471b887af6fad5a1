"""Sites, their resources, and the people who live there."""

import uuid
from datetime import (
    time,
)

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization


class GridArea(models.Model):
    """A part of the grid whose sites share a transformer or feeder; `parent` is the one that feeds it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    name = models.CharField(max_length=120)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    import_limit_kw = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0)])
    export_limit_kw = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0)])
    shape = models.JSONField(null=True, blank=True, help_text="GeoJSON Polygon or MultiPolygon, for maps")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="grid_area_name"),
            models.CheckConstraint(
                condition=(Q(import_limit_kw=None) | Q(import_limit_kw__gte=0))
                & (Q(export_limit_kw=None) | Q(export_limit_kw__gte=0)),
                name="grid_area_limits",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """A home with its grid connection point."""

    class Mode(models.TextChoices):
        SELF_CONSUMPTION = "self_consumption"
        TIME_OF_USE = "time_of_use"
        BACKUP = "backup"
        COMMUNITY_FIRST = "community_first"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    grid_area = models.ForeignKey(GridArea, null=True, blank=True, on_delete=models.SET_NULL)
    name = models.CharField(max_length=120)
    external_ref = models.CharField(  # noqa: DJ001 - none is unlike any other, an empty text would not be
        max_length=120, null=True, blank=True, help_text="what the organization's own books call it"
    )
    time_zone = models.CharField(max_length=64, default="Europe/Berlin")
    import_limit_kw = models.FloatField(default=17.0, validators=[MinValueValidator(0)])
    export_limit_kw = models.FloatField(default=10.0, validators=[MinValueValidator(0)])
    reserve_soc = models.FloatField(default=0.1, validators=[MinValueValidator(0), MaxValueValidator(1)])
    latitude_deg = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude_deg = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    # What the household prefers; apps.sites.preferences changes it and keeps the revisions.
    mode = models.CharField(max_length=20, choices=Mode, default=Mode.SELF_CONSUMPTION)
    comfort_low_c = models.FloatField(default=5.0, help_text="5 to 35 is no limit")
    comfort_high_c = models.FloatField(default=35.0)
    ev_least_soc = models.FloatField(default=0.0, validators=[MinValueValidator(0), MaxValueValidator(1)])
    quiet_from = models.TimeField(default=time(0), help_text="local time; as `quiet_until`: never")
    quiet_until = models.TimeField(default=time(0))
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="since when it is only a pseudonym that settled payments stand on"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="site_name"),
            # Not conditional, so that an import can say "or update": empty ones are distinct to the database.
            models.UniqueConstraint(fields=["organization", "external_ref"], name="site_external_ref"),
            models.CheckConstraint(
                condition=Q(latitude_deg__isnull=True, longitude_deg__isnull=True)
                | Q(
                    latitude_deg__isnull=False,
                    longitude_deg__isnull=False,
                    latitude_deg__range=(-90, 90),
                    longitude_deg__range=(-180, 180),
                ),
                name="site_place",
            ),
            models.CheckConstraint(
                condition=Q(import_limit_kw__gte=0, export_limit_kw__gte=0), name="site_limits"
            ),
            models.CheckConstraint(condition=Q(reserve_soc__gte=0, reserve_soc__lte=1), name="site_reserve"),
            models.CheckConstraint(
                condition=Q(ev_least_soc__gte=0, ev_least_soc__lte=1), name="site_ev_least"
            ),
            models.CheckConstraint(
                condition=Q(
                    comfort_low_c__gte=5, comfort_high_c__gte=F("comfort_low_c"), comfort_high_c__lte=35
                ),
                name="site_comfort",
            ),
        ]
        # What long tables of sites are sorted and searched by.
        indexes = [
            models.Index(fields=["organization", "name", "id"], name="site_by_name"),
            models.Index(fields=["organization", "id"], name="site_by_age"),
            models.Index(fields=["organization", "import_limit_kw", "id"], name="site_by_import"),
            models.Index(fields=["organization", "export_limit_kw", "id"], name="site_by_export"),
            models.Index(fields=["organization", "longitude_deg", "latitude_deg"], name="site_by_place"),
            GinIndex(SearchVector("name", config="simple"), name="site_words"),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a person may do at a home: apps.sites.rights says what each role holds."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"
    INSTALLER = "installer"
    LANDLORD = "landlord"


class SiteMember(models.Model):
    """A person of the household, or one whom it has let in."""

    Role = Role

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="site_members")
    role = models.CharField(max_length=16, choices=Role, default=Role.OWNER)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="by the machine's clock, like a session; none: until taken back"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "user"], name="site_member_once"),
            models.CheckConstraint(
                condition=~Q(role="owner") | Q(expires_at=None), name="site_owner_for_good"
            ),
            models.CheckConstraint(
                condition=~Q(role="installer") | Q(expires_at__isnull=False), name="site_installer_for_a_time"
            ),
        ]


class Invitation(models.Model):
    """An owner's word that somebody may come in; the link in the e-mail is signed, and good for once."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role)
    access_until = models.DateTimeField(null=True, blank=True, help_text="when what it gives ends")
    invited_by = models.CharField(max_length=160)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="until when it can be accepted, by the machine's clock")
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_pending_once",
            )
        ]


class AccessEntry(models.Model):
    """That somebody who does not live there looked at a page of the home: one row a person, page and day."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="access_entries")
    who = models.CharField(max_length=160)
    role = models.CharField(max_length=16)
    page = models.CharField(max_length=64)
    on_date = models.DateField(help_text="in the home's time zone")
    last_at = models.DateTimeField()
    looks = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "who", "page", "on_date"], name="access_once_a_day")
        ]


class PreferenceRevision(models.Model):
    """What a household prefers after a change; only ever added, and the newest holds."""

    class Source(models.TextChoices):
        PORTAL = "portal", "in the portal"
        APP = "app", "by an app"
        HUB = "hub", "on the hub at home"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="preference_revisions")
    number = models.PositiveIntegerField()
    values = models.JSONField(help_text="all preferences, by name")
    set_at_ms = models.JSONField(help_text="when each was set last, by name: the later word counts")
    changed = models.JSONField(help_text="the names of what this revision changed")
    set_by = models.CharField(max_length=160)
    source = models.CharField(max_length=8, choices=Source)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "number"], name="preference_revision_once")]


class ConsentEntry(models.Model):
    """A household's yes or no to one use of its data; only ever added, and the newest of a purpose holds."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="consent_entries")
    purpose = models.CharField(max_length=16)
    version = models.PositiveIntegerField(help_text="of the text that was shown")
    given = models.BooleanField()
    by = models.CharField(max_length=160)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["purpose", "site", "-id"], name="consent_newest")]


class Resource(models.Model):
    """One controllable or metered DER, as its hub describes it."""

    class Kind(models.TextChoices):
        BATTERY = "battery"
        PV = "pv"
        EV_CHARGER = "ev_charger"
        HEAT_PUMP = "heat_pump"
        LOAD = "load"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="resources")
    key = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=120, blank=True)
    parameters = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "key"], name="resource_key")]


class SiteTariff(models.Model):
    """What a household says it pays and earns per kWh: flat, or by bands of the local day.

    `bands` are [{"days": "all" | "weekdays" | "weekend", "starts": "HH:MM", "ends": "HH:MM", "price": "0.2000"}], the
    first that an instant lies in counts; `import_price` counts elsewhere (vpp.scheduling.tariff).
    """

    site = models.OneToOneField(Site, on_delete=models.CASCADE, related_name="tariff")
    currency = models.CharField(max_length=3, default="EUR")
    import_price = models.DecimalField(max_digits=9, decimal_places=5)
    export_price = models.DecimalField(max_digits=9, decimal_places=5, default=0)
    bands = models.JSONField(default=list, blank=True)
    modified_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(import_price__gte=-10, import_price__lte=10)
                & Q(export_price__gte=-10, export_price__lte=10),
                name="site_tariff_prices",
            ),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="site_tariff_currency"),
        ]


class AppGrant(models.Model):
    """A home that a person lets an app see or control; what it may do is said by the app's tokens."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="app_grants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="app_grants")
    client = models.ForeignKey("accounts.ApiClient", on_delete=models.CASCADE, related_name="grants")
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "client", "site"], name="app_grant_once")]


class SiteImport(models.Model):
    """A file of sites and resources, and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        CHECKED = "checked"  # a dry run: nothing is written
        REFUSED = "refused"  # all or nothing, and something was wrong
        APPLIED = "applied"
        UNDONE = "undone"

    class Mode(models.TextChoices):
        ALL_OR_NOTHING = "all_or_nothing", "all rows or none"
        KEEP_GOOD = "keep_good", "the rows that are right"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    job_id = models.UUIDField(null=True)
    name = models.CharField(max_length=120, blank=True, help_text="the file's name")
    mode = models.CharField(max_length=16, choices=Mode, default=Mode.ALL_OR_NOTHING)
    dry_run = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    rows = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="rows by what becomes of them")
    asked_by = models.CharField(max_length=160)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "-created_at"], name="site_import_recent")]


class ImportRow(models.Model):
    """One line of an import: what it says, what is wrong with it, and what it changed."""

    class Outcome(models.TextChoices):
        WAITING = "waiting"
        CREATED = "created"
        UPDATED = "updated"
        UNCHANGED = "unchanged"
        WRONG = "wrong"
        LEFT_OUT = "left_out", "left out"

    site_import = models.ForeignKey(SiteImport, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField(help_text="in the file, the first line of data being 1")
    kind = models.CharField(max_length=8)
    ref = models.CharField(max_length=200, blank=True)
    content = models.JSONField()
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.WAITING)
    errors = models.JSONField(default=list, help_text="field, code, message of each")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    object_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site_import", "number"], name="import_row_once")]
        indexes = [models.Index(fields=["site_import", "outcome", "number"], name="import_row_outcome")]
