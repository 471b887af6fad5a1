"""Files that pages take from npm: only these few of what `npm ci` installed are served, under a name of ours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

# Static name: file in node_modules. A new package goes into requirements/web/package.json (make requirements).
SERVED = {
    "web/uplot.js": "uplot/dist/uPlot.iife.min.js",
    "web/uplot.css": "uplot/dist/uPlot.min.css",
    "web/jsqr.js": "jsqr/dist/jsQR.js",
}


class WebFilesStorage(FileSystemStorage):
    """The installed packages, seen under the names of `SERVED`."""

    def path(self, name: str) -> str:
        """Return where the file of a static name lies."""
        return super().path(SERVED[name])


class WebFilesFinder(BaseFinder):
    """Finds what `SERVED` names, and nothing else of the installed packages."""

    def __init__(self, app_names: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.storage = WebFilesStorage(location=Path(settings.WEB_ROOT) / "node_modules")

    def check(self, **kwargs: Any) -> list[Any]:
        """Have nothing to check: a machine that never serves a page need not have the files."""
        return []

    def find(self, path: str, find_all: bool = False) -> str | list[str]:  # type: ignore[override]
        """Return where the file of a static name lies, as Django's own finders do."""
        found = [self.storage.path(path)] if path in SERVED and self.storage.exists(path) else []
        return found if find_all or not found else found[0]

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        """Yield every file that is installed."""
        return ((name, self.storage) for name in SERVED if self.storage.exists(name))
