"""HTTP as a utility, an aggregator and a homeowner's browser speak it; nothing but the standard library."""

import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any


class CallFailed(Exception):
    """The platform answered with an error."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:400]}")
        self.status = status


class NotReached(Exception):
    """Nobody answered; trying again may help."""


class Api:
    """A partner's program: OAuth2 client credentials, JSON in and out."""

    def __init__(self, base: str, *, client_id: str, client_secret: str) -> None:
        self.base = base
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self.token = ""
        answer = self._call("POST", "/openadr3/3.1.0/auth/token", urllib.parse.urlencode(form).encode())
        self.token = answer["access_token"]

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._call("POST", path, json.dumps(body).encode(), content_type="application/json")

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self._call("PATCH", path, json.dumps(body).encode(), content_type="application/json")

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str = "application/x-www-form-urlencoded",
    ) -> Any:
        request = urllib.request.Request(self.base + path, data=body, method=method)  # noqa: S310 - our own address
        if body is not None:
            request.add_header("Content-Type", content_type)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise CallFailed(error.code, error.read().decode(errors="replace")) from error
        except OSError as error:
            raise NotReached(f"{method} {path}: {error}") from error


class Browser:
    """A homeowner's browser: cookies and CSRF tokens."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def sign_in(self, email: str, password: str) -> None:
        """Sign in through the form."""
        self.page("/account/login/")
        self.submit("/account/login/", {"login": email, "password": password})

    def page(self, path: str) -> str:
        """Return a page's HTML."""
        with self.opener.open(self.base + path, timeout=30) as answer:
            return str(answer.read().decode())

    def submit(self, path: str, fields: dict[str, str]) -> str:
        """Post a form with the CSRF token that the site set."""
        token = next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), "") or ""
        data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        request = urllib.request.Request(self.base + path, data=data, headers={"Referer": self.base + path})  # noqa: S310
        try:
            with self.opener.open(request, timeout=30) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise CallFailed(
                error.code, re.sub(r"<[^>]+>", " ", error.read().decode(errors="replace"))
            ) from error
