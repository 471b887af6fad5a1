"""Client secrets cannot be guessed at speed."""

import pytest
from django.test import Client

from apps.common.throttles import TokenRateThrottle
from tests import factories

PATH = "/openadr3/3.1.0/auth/token"


@pytest.mark.django_db
def test_the_address_that_asks_too_often_has_to_wait(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.forget_counts()
    monkeypatch.setattr(TokenRateThrottle, "THROTTLE_RATES", {"token": "3/min"})
    form = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "guess"}
    assert [client.post(PATH, form).status_code for _ in range(3)] == [401, 401, 401]
    refused = client.post(PATH, form)
    assert (refused.status_code, refused.json()) == (429, {"error": "slow_down"})
    assert 0 < int(refused["Retry-After"]) <= 61
    assert client.post(PATH, form, REMOTE_ADDR="192.0.2.7").status_code == 401
    factories.forget_counts()
