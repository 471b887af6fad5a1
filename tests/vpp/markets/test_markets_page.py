"""The reference page's table of promises is that of the code."""

import re
from importlib import import_module
from pathlib import Path

import vpp.markets
from vpp.markets.errors import MarketError
from vpp.markets.properties import Properties

PACKAGE = Path(vpp.markets.__file__).parent
PAGE = (PACKAGE.parent.parent / "docs" / "reference" / "markets.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| `(\w+)` \| (yes|no) \| (yes|no) \| (strong|weak) \| (yes|no) \| (.*?) ?\|$", re.MULTILINE
)


def test_the_table_of_promises_is_that_of_the_code() -> None:
    shown = {
        name: Properties(
            efficient == "yes",
            rational == "yes",
            "strong" if budget == "strong" else "weak",
            truthful == "yes",
            condition,
        )
        for name, efficient, rational, budget, truthful, condition in ROW.findall(PAGE)
    }
    modules = {path.stem: import_module(f"vpp.markets.{path.stem}") for path in PACKAGE.glob("[a-z]*.py")}
    declared = {name: module.PROPERTIES for name, module in modules.items() if hasattr(module, "PROPERTIES")}
    assert shown == declared


def test_every_code_is_explained() -> None:
    import_module("vpp.markets.registry")
    classes, codes = [MarketError], set()
    while classes:
        one = classes.pop()
        classes += one.__subclasses__()
        codes.add(one.code)
    roots = {"market_error", "order_invalid"}
    assert [code for code in sorted(codes - roots) if f"`{code}`" not in PAGE] == []
