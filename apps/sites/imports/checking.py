"""What each line of an import would do: created, updated, unchanged, or wrong and why. Reads the fleet once."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from apps.accounts.models import Organization
from apps.common.jobs import Tell
from apps.sites.imports.rows import (
    RESOURCE_FIELDS,
    SITE_DEFAULTS,
    SITE_FIELDS,
    read_resource,
    read_site,
    wrong,
)
from apps.sites.models import GridArea, ImportRow, Resource, Site, SiteImport

CHUNK: Final = 1000
Outcome = ImportRow.Outcome


@dataclasses.dataclass
class Fleet:
    """What is there before, and what the file's earlier lines add: sites by reference, names, resources by site and key."""

    areas: Mapping[str, int]
    sites: dict[str, tuple[int, dict[str, Any]]]
    names: dict[str, str]
    resources: dict[tuple[str, str], tuple[int, dict[str, Any]]]
    seen: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    good: set[str] = dataclasses.field(default_factory=set)


def fleet_of(*, organization: Organization) -> Fleet:
    """Read what an import of the organization may meet."""
    areas = dict(GridArea.objects.filter(organization=organization).values_list("name", "pk"))
    rows = Site.objects.filter(organization=organization).values("pk", "external_ref", *SITE_FIELDS)
    sites: dict[str, tuple[int, dict[str, Any]]] = {}
    names: dict[str, str] = {}
    for row in rows.iterator(chunk_size=5000):
        ref = row["external_ref"]
        names[row["name"]] = ref or ""
        if ref is not None:
            sites[ref] = (row["pk"], {name: row[name] for name in SITE_FIELDS})
    held = Resource.objects.filter(site__organization=organization, site__external_ref__isnull=False)
    resources = {
        (row["site__external_ref"], row["key"]): (row["pk"], {name: row[name] for name in RESOURCE_FIELDS})
        for row in held.values("pk", "key", "site__external_ref", *RESOURCE_FIELDS).iterator(chunk_size=5000)
    }
    return Fleet(areas, sites, names, resources)


def rows_check(*, site_import: SiteImport, tell: Tell) -> dict[str, int]:
    """Say of every line what it would do, sites before resources; return the counts."""
    fleet = fleet_of(organization=site_import.organization)
    counts: dict[str, int] = {}
    done = 0
    for kind, decide in (("site", _site), ("resource", _resource), ("", _neither)):
        for rows in _chunks(site_import, kind):
            for row in rows:
                if not row.errors:
                    decide(row, fleet)
                if row.errors:
                    row.outcome, row.before, row.after = Outcome.WRONG, None, None
                counts[row.outcome] = counts.get(row.outcome, 0) + 1
            fields = ["outcome", "errors", "before", "after", "object_id"]
            ImportRow.objects.bulk_update(rows, fields, batch_size=CHUNK)
            done += len(rows)
            tell("checking", 60 * done // max(1, site_import.rows))
    return counts


def _chunks(site_import: SiteImport, kind: str) -> Iterator[list[ImportRow]]:
    last = 0
    while True:
        rows = list(
            ImportRow.objects.filter(site_import=site_import, kind=kind, number__gt=last).order_by("number")[
                :CHUNK
            ]
        )
        if not rows:
            return
        last = rows[-1].number
        yield rows


def _site(row: ImportRow, fleet: Fleet) -> None:
    said, row.errors = read_site(row.content, areas=fleet.areas)
    ref = said.pop("external_ref", "")
    if ref and ("site", ref) in fleet.seen:
        row.errors.append(wrong("external_ref", "twice", message="an earlier row has this reference"))
    fleet.seen.add(("site", ref))
    held = fleet.sites.get(ref)
    if held is None and "name" not in said and not row.errors:
        row.errors.append(wrong("name", "required", message="a new site needs a name"))
    name = said.get("name")
    if name is not None and fleet.names.get(name, ref) != ref:
        row.errors.append(wrong("name", "name_taken", message="another site has this name"))
    if row.errors:
        return
    if name is not None:
        fleet.names[name] = ref
    row.object_id, row.before = held if held is not None else (None, None)
    row.after = {**(row.before or SITE_DEFAULTS), **said}
    row.outcome = _outcome(row)
    fleet.good.add(ref)


def _resource(row: ImportRow, fleet: Fleet) -> None:
    said, row.errors = read_resource(row.content)
    ref, key = said.pop("site", ""), said.pop("key", "")
    if ref and ref not in fleet.sites and ref not in fleet.good:
        row.errors.append(
            wrong("site", "site_unknown", message="no site of this reference, here or in the file")
        )
    if ("resource", f"{ref}/{key}") in fleet.seen:
        row.errors.append(wrong("key", "twice", message="an earlier row has this site and key"))
    fleet.seen.add(("resource", f"{ref}/{key}"))
    held = fleet.resources.get((ref, key))
    if held is None and "kind" not in said and not row.errors:
        row.errors.append(wrong("kind", "required", message="a new resource needs its kind"))
    if row.errors:
        return
    row.object_id, row.before = held if held is not None else (None, None)
    row.after = {**(row.before or {"name": "", "parameters": {}}), **said}
    row.outcome = _outcome(row)


def _neither(row: ImportRow, fleet: Fleet) -> None:
    row.errors = [wrong("type", "type_unknown", message="type is site or resource")]


def _outcome(row: ImportRow) -> str:
    if row.before is None:
        return Outcome.CREATED
    return Outcome.UNCHANGED if row.before == row.after else Outcome.UPDATED
