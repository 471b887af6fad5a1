"""Connections of the 2.0b VEN and their secrets."""

from pathlib import Path
from typing import Any

import pytest

from apps.openadr.certificates import certificates_make
from apps.openadr.models import (
    VenConnection2b,
)
from apps.openadr.ven2b.connections import (
    ConnectionInvalidError,
    ConnectionTakenError,
    connection_create,
    connections_reencrypt,
)
from apps.openadr.ven2b.secrets import SecretUnreadableError, decrypt, encrypt
from apps.programs.models import Program
from tests.openadr2b import soon

pytestmark = pytest.mark.django_db(transaction=True)


class TestConnections:
    @pytest.mark.parametrize(
        "changes",
        [{"url": "ftp://x"}, {"url": "nowhere"}, {"key_pem": "x"}, {"signs": True}, {"certificate_pem": "x", "key_pem": "y"},
         {"level_kw": [-1.0]}, {"level_kw": [1, 2, 3, 4]}, {"poll_s": 0}, {"name": "n" * 129}],
    )  # fmt: skip
    def test_what_cannot_work_is_refused(self, program: Program, changes: Any) -> None:
        values = {"name": "ores", "url": "https://utility.example/2.0b", "now": soon(0), **changes}
        with pytest.raises(ConnectionInvalidError):
            connection_create(program=program, **values)
        assert VenConnection2b.objects.count() == 0

    def test_same_connection_is_made_once(self, program: Program) -> None:
        connection_create(program=program, name="ores", url="https://utility.example", now=soon(0))
        with pytest.raises(ConnectionTakenError):
            connection_create(program=program, name="ores", url="https://utility.example/", now=soon(0))

    def test_secrets_survive_a_new_key_of_the_installation(
        self, program: Program, settings: Any, tmp_path: Path
    ) -> None:
        keys = certificates_make(tmp_path, ["ven"])
        pem: dict[str, Any] = {
            "certificate_pem": keys["ven.pem"].read_text(),
            "key_pem": keys["ven.key"].read_text(),
        }
        made = connection_create(program=program, name="ores", url="https://u.example", now=soon(0), **pem)
        old = settings.SECRET_KEY
        settings.SECRET_KEY = "another"
        with pytest.raises(SecretUnreadableError):
            decrypt(made.key_pem_encrypted)
        settings.SECRET_KEY_FALLBACKS = [old]
        assert (decrypt(made.key_pem_encrypted), connections_reencrypt()) == (pem["key_pem"], 1)
        settings.SECRET_KEY_FALLBACKS = []
        made.refresh_from_db()
        assert decrypt(made.key_pem_encrypted) == pem["key_pem"]
        assert encrypt("") == ""
