"""Say a stored English sentence in the reader's language, and mark what could not be said."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from django.utils.html import format_html
from django.utils.translation import get_language, gettext

from apps.common.errors import DomainError
from apps.common.language import separated
from apps.portal.phrases import devices, orders, plans, refusals, trading, words
from apps.portal.phrases.matching import PLACE, Phrases
from apps.programs.wording import NAMES

LONGEST: Final = 400
_NUMBER: Final = re.compile(r"[-−+]?\d+\.\d+")
_LISTS: Final = ("; ", ", ")
PHRASES: Final = Phrases(
    [
        *refusals.PHRASES,
        *trading.PHRASES,
        *orders.PHRASES,
        *plans.PHRASES,
        *devices.PHRASES,
        *words.PHRASES,
        *NAMES.values(),
    ]
)
_OF_PLANS: Final = Phrases(plans.PHRASES)


def say(text: str) -> str:
    """Return a sentence or word in the reader's language; what no phrase knows stays as it is."""
    return _said(text, depth=1) or text


def said(text: str) -> str:
    """Return a sentence for a page: what stays English is marked so, for those who have it read out."""
    if _is_english() or not text:
        return text
    return _said(text, depth=1) or format_html('<span lang="en">{}</span>', text)


def filled(sentence: str, **texts: str) -> str:
    """Put stored sentences into the places of a translated one, for a page."""
    if _is_english():
        return sentence % texts
    plain = sentence.replace("{", "{{").replace("}", "}}")
    return format_html(
        PLACE.sub(r"{\1}", plain).replace("%%", "%"), **{name: said(text) for name, text in texts.items()}
    )


def refused(error: DomainError) -> str:
    """Say why nothing was changed."""
    return gettext("Nothing was changed: %(why)s.") % {"why": say(error.detail)}


def for_household(sentences: Sequence[str]) -> list[str]:
    """Return the sentences of a plan that say nothing of single other homes."""
    found = [(one, _OF_PLANS.find(one)) for one in sentences]
    return [one for one, phrase in found if phrase is not None and not _names_homes(*phrase)]


def _names_homes(msgid: str, places: Mapping[str, str]) -> bool:
    """Whether other homes are named; a limit that is for some of them ends in their names."""
    return msgid in plans.OF_HOMES or " limit for " in places.get("limit", "")


def _is_english() -> bool:
    return (get_language() or "en").startswith("en")


def _said(text: str, *, depth: int) -> str | None:
    """Return the translation of a known sentence, its places too where `depth` allows; None for others."""
    if _is_english() or len(text) > LONGEST:
        return None
    found = PHRASES.find(text)
    if found is None:
        return None
    msgid, places = found
    if not places:
        return gettext(msgid)
    return gettext(msgid) % {name: _place(value, depth=depth) for name, value in places.items()}


def _place(text: str, *, depth: int) -> str:
    if _NUMBER.fullmatch(text):
        return separated(text)
    said = _said(text, depth=depth - 1) if depth else None
    if said is not None or not depth:
        return said or text
    for mark in _LISTS:
        if mark in text:
            return mark.join(_said(one, depth=0) or one for one in text.split(mark))
    return text
