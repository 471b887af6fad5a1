"""Which rows belong to a home: found by looking at the tables, so that a new one is never forgotten."""

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import SET_NULL, ForeignKey, ManyToOneRel, Model, QuerySet

from apps.markets.models import Participant
from apps.sites.models import Site

# Secrets are of no use to anybody but whom they were given to.
SECRET_FIELDS: Final = frozenset(
    {"digest", "claim_digest", "public_key", "content", "nodes", "password", "salt", "sealed_code"}
)


def models_of_site() -> list[tuple[type[Model], str, bool]]:
    """Return (model, field, is_owned) of every foreign key to a home; not owned is what only mentions it."""
    found = []
    for relation in _relations(Site):
        owned = relation.on_delete is not SET_NULL
        found.append((relation.related_model, relation.field.name, owned))
    return sorted(found, key=lambda row: row[0]._meta.label)


def rows_of_site(site: Site) -> Iterator[tuple[str, QuerySet[Any]]]:
    """Yield (label, rows) of everything that hangs on a home, each table once."""
    waiting: list[tuple[type[Model], QuerySet[Any]]] = [(Site, Site.objects.filter(pk=site.pk))]
    own = Participant.objects.filter(homes__site=site).exclude(kind=Participant.Kind.AGGREGATOR)
    waiting.append((Participant, own))
    seen: set[type[Model]] = set()
    while waiting:
        model, rows = waiting.pop(0)
        if model in seen:
            continue
        seen.add(model)
        yield model._meta.label_lower, rows
        keys = rows.order_by().values("pk")
        waiting += [
            (child, child._default_manager.filter(**{f"{name}__in": keys}))
            for child, name in _children(model)
        ]


def _relations(model: type[Model]) -> list[ManyToOneRel]:
    """Foreign keys to a model, those without a way back too."""
    fields = model._meta.get_fields(include_hidden=True)
    found = [one for one in fields if isinstance(one, ManyToOneRel) and isinstance(one.field, ForeignKey)]
    return [one for one in found if one.related_model._meta.managed and not one.related_model._meta.proxy]


def _children(model: type[Model]) -> list[tuple[type[Model], str]]:
    return [
        (relation.related_model, relation.field.name)
        for relation in _relations(model)
        if relation.related_model is not model and relation.related_model._meta.app_label != "privacy"
    ]


def plain_rows(rows: QuerySet[Any]) -> Iterator[dict[str, Any]]:
    """Yield rows as names and values, without secrets."""
    names = [
        field.attname for field in rows.model._meta.concrete_fields if field.attname not in SECRET_FIELDS
    ]
    yield from rows.order_by("pk").values(*names).iterator(chunk_size=1000)
