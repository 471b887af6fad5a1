"""German."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
DATE_FORMAT = "j. F Y"
SHORT_DATE_FORMAT = "d.m.Y"
MONTH_DAY_FORMAT = "j. F"


def __getattr__(name: str) -> str:
    """A format that a page names itself, with the point behind the day: `j M` is `j. M`."""
    if "j " not in name:
        raise AttributeError(name)
    return name.replace("j ", "j. ")
