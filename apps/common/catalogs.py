"""Catalogs of translations: found in templates and Python by Babel, written beside the portal, compiled at set-up."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

NAMES = ("_", "gettext", "gettext_lazy", "gettext_noop", "noop", "pgettext", "pgettext_lazy")
PLURALS = ("ngettext", "ngettext_lazy", "npgettext", "npgettext_lazy")
WITH_CONTEXT = ("pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy")
HEADER = "# Translations of ORES Cloud. Collected by `manage.py catalogs`; compiled at set-up."


def template_of(root: Path) -> Catalog:
    """Return every text under `root` that is marked for translation."""
    found = Catalog(project="ORES Cloud", fuzzy=False)
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.html"), *root.rglob("*.txt")]):
        if "migrations" not in path.parts:
            for line, context, text in _texts(path):
                found.add(text, context=context, locations=[(str(path.relative_to(root.parent)), line)])
    return found


def update(path: Path, template: Catalog) -> list[Message]:
    """Bring the catalog at `path` up to the template; return what has no translation yet."""
    held = _read(path)
    held.update(template, no_fuzzy_matching=True)
    held.obsolete.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, held, width=110, sort_output=True, omit_header=False, include_lineno=False)
    return missing(held)


def missing(held: Catalog) -> list[Message]:
    """Return what has no translation, or one that nobody has looked at."""
    return [one for one in held if one.id and (one.fuzzy or not all(_strings(one)))]


def faults(path: Path, template: Catalog) -> list[str]:
    """Say in what the catalog at `path` is not whole."""
    held = _read(path)
    wanted = {(one.context, _key(one)): one for one in template if one.id}
    there = {(one.context, _key(one)): one for one in held if one.id}
    said = [f"missing: {key[1]!r}" for key in wanted if key not in there]
    said += [f"no longer used: {key[1]!r}" for key in there if key not in wanted]
    said += [f"not translated: {one.id!r}" for one in missing(held)]
    return said + [f"{one.id!r}: {error}" for one in held for error in one.check(held)]


def _key(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, (list, tuple)) else message.id)


def _strings(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, (list, tuple)) else (message.string or "",)


def _read(path: Path) -> Catalog:
    if not path.exists():
        return Catalog(locale=path.parent.parent.name, header_comment=HEADER, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def _texts(path: Path) -> Iterator[tuple[int, str | None, str | tuple[str, ...]]]:
    source = path.read_text()
    if path.suffix != ".py":
        if "{%" not in source:
            return
        # What is left of a page's indentation is none of Python's.
        source = "\n".join(line.lstrip() for line in templatize(source).split("\n"))
    keywords: dict[str, Any] = dict.fromkeys((*NAMES, *PLURALS))
    # Its stub forgets that one text comes as a plain string.
    texts: Any
    for line, function, texts, _ in extract_python(BytesIO(source.encode()), keywords, [], {}):
        given: list[object] = [texts] if isinstance(texts, str) else [*(texts or ())]
        wanted = 1 + (function in PLURALS) + (function in WITH_CONTEXT)
        first = [one for one in given[:wanted] if isinstance(one, str)]
        if len(first) == wanted:
            context = first.pop(0) if function in WITH_CONTEXT else None
            yield line, context, tuple(first) if function in PLURALS else first[0]
