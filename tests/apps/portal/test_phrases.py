"""Stored English sentences in the reader's language: found, filled, marked where nobody knows them."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import DomainError
from apps.portal.phrases import filled, for_household, refused, said, say
from apps.portal.phrases.matching import PLACE, Phrase
from apps.portal.phrases.saying import LONGEST, PHRASES

# Words that both languages write as English does.
SAME: dict[str, set[str]] = {"de": set(), "es": set()}


def _in(language: str, text: str) -> str:
    with translation.override(language):
        return say(text)


def test_english_readers_read_what_was_stored() -> None:
    text = "the import limit is at most 11.5 kW, as installed"
    assert (_in("en", text), _in("en-gb", text)) == (text, text)


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("it was rejected lately", "es wurde kürzlich abgelehnt"),
        ("12.0 of 20.0 kW can be met at 18:00.", "12,0 von 20,0 kW sind um 18:00 möglich."),
        ("12.0 of 20.0 kW can be met in interval 3.", "12,0 von 20,0 kW sind in Abschnitt 3 möglich."),
        ("this order is canceled", "dieser Auftrag ist storniert"),
        ("Planned by price, greenhouse gas together.", "Gemeinsam geplant nach: Preis, Treibhausgas."),
        ("Left alone: 3 homes, opted out.", "Nicht einbezogen: 3 Häuser, ausgesetzt."),
        ("the event Peak 2.0 of 5 goes first", "das Ereignis Peak 2.0 of 5 geht vor"),
        (
            "there is no tariff to follow: home.tariff: 18:00 has no price",
            "es gibt keinen Tarif, dem man folgen könnte: der Tarif hat um 18:00 keinen Preis",
        ),
        ("backup reserve 20%", "Notstromreserve 20 %"),
    ],
)
def test_a_sentence_is_said_in_german(text: str, german: str) -> None:
    assert _in("de", text) == german


def test_a_sentence_is_said_in_spanish_with_the_readers_decimal_sign() -> None:
    assert _in("es", "says a power of 12.5 kW, beyond 11.0 kW") == (
        "indica una potencia de 12,5 kW, por encima de 11,0 kW"
    )


def test_names_versions_and_addresses_keep_their_dots() -> None:
    assert _in("de", "192.168.1.7: no answer in time") == "192.168.1.7: keine rechtzeitige Antwort"


@pytest.mark.parametrize("text", ["", "Nobody ever wrote this.", "it was rejected lately " * 40])
def test_what_no_phrase_knows_stays(text: str) -> None:
    assert _in("de", text) == text


def test_what_stays_english_is_marked_for_who_has_it_read_out() -> None:
    with translation.override("de"):
        assert said("<b>strange</b>") == '<span lang="en">&lt;b&gt;strange&lt;/b&gt;</span>'
        assert said("it is full") == "es ist voll"
    with translation.override("en"):
        assert said("<b>strange</b>") == "<b>strange</b>"


def test_a_sentence_around_it_is_escaped_with_its_places() -> None:
    with translation.override("de"):
        assert filled("100 %% {x}: %(why)s.", why="a <b>") == '100 % {x}: <span lang="en">a &lt;b&gt;</span>.'
        assert filled("%(why)s!", why="the event <i> goes first") == "das Ereignis &lt;i&gt; geht vor!"


def test_a_refusal_says_why_in_the_readers_language() -> None:
    error = DomainError("you are out of all events already")
    with translation.override("de"):
        assert refused(error) == "Es wurde nichts geändert: Sie setzen schon bei allen Ereignissen aus."


def test_a_household_reads_nothing_that_names_other_homes() -> None:
    kept = ["1 battery reaches its reserve.", "the utility's import limit costs 0.20 per kWh at 18:00."]
    others = [
        "Left out because their data is not complete: Number 7, Number 9.",
        "Not every home can keep its limit (Number 7); the plan leaves that to the hubs.",
        "Number 7: no meter tells what the home draws",
        "the utility's import limit for Number 7 costs 0.20 per kWh at 18:00.",
    ]
    assert for_household([*others, *kept]) == kept


# --- the phrases themselves


@pytest.mark.parametrize("language", ["de", "es"])
def test_each_phrase_is_found_again_and_said_with_its_places(language: str) -> None:
    for phrase in PHRASES.open:
        places = {name: f"«{name}»" for name in phrase.names}
        text = phrase.msgid % places
        assert PHRASES.find(text) == (phrase.msgid, places)
        spoken = _in(language, text)
        assert spoken != text
        assert [value for value in places.values() if value not in spoken] == []


@pytest.mark.parametrize("language", ["de", "es"])
def test_each_whole_sentence_is_said(language: str) -> None:
    assert {one for one in PHRASES.whole if _in(language, one) == one} == SAME[language]


def test_no_place_stands_beside_another_or_twice() -> None:
    for phrase in PHRASES.open:
        assert all(phrase.literals[1:-1]), phrase.msgid
        assert len(set(phrase.names)) == len(phrase.names), phrase.msgid


# --- anything at all

PIECES = st.sampled_from(
    sorted({piece for phrase in PHRASES.open for piece in phrase.literals if piece} | set(PHRASES.whole))
)
ANYTHING = st.one_of(
    st.text(max_size=500), st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=12).map("".join)
)


@given(text=ANYTHING, language=st.sampled_from(["de", "es", "en"]))
def test_say_never_fails_and_leaves_what_it_does_not_know(text: str, language: str) -> None:
    with translation.override(language):
        spoken, page = say(text), str(said(text))
    if len(text) > LONGEST or PHRASES.find(text) is None or language == "en":
        assert spoken == text
    assert "<" not in page.replace('<span lang="en">', "").replace("</span>", "") or "<" in text


@given(text=ANYTHING)
def test_the_places_that_are_found_make_up_the_text(text: str) -> None:
    found = PHRASES.find(text)
    if found is not None and PLACE.search(found[0]):
        assert found[0] % found[1] == text


def test_a_hostile_text_is_looked_up_in_no_time() -> None:
    phrase = Phrase("%(a)s a %(b)s a %(c)s a %(d)s a %(e)s!")
    assert phrase.places_in(" a" * 100_000 + "?") is None
    assert phrase.places_in("x" + " a " * 100_000) is None
