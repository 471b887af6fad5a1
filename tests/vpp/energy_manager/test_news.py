"""Of decisions only changes are news."""

from vpp.energy_manager.news import News
from vpp.energy_manager.safety import Allowed, Range


def decided(by: str, reason: str, low: float = -1.0) -> Allowed:
    return Allowed({"battery": Range(low, 1.0, by, reason), "ev": Range(0.0, 7.0)})


def told(news: News, allowed: Allowed) -> list[tuple[str, str, str]]:
    return [(key, one.by, one.reason) for key, one in news.of(allowed)]


def test_another_author_or_reason_is_news_and_another_power_is_not() -> None:
    news = News()
    first = told(news, decided("safety", "backup reserve 20%"))
    assert first == [("battery", "safety", "backup reserve 20%"), ("ev", "device", "rated power")]
    assert told(news, decided("safety", "backup reserve 20%", low=-2.0)) == []
    assert told(news, decided("safety", "backup reserve 30%")) == [
        ("battery", "safety", "backup reserve 30%")
    ]
    assert told(news, decided("care", "backup reserve 30%")) == [("battery", "care", "backup reserve 30%")]


def test_what_was_kept_of_an_earlier_time_is_no_news() -> None:
    news = News({"battery": ("care", "it is warm")})
    assert told(news, decided("care", "it is warm")) == [("ev", "device", "rated power")]
