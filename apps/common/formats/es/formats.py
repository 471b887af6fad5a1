"""Spanish."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
DATE_FORMAT = r"j \d\e F \d\e Y"
SHORT_DATE_FORMAT = "d/m/Y"
MONTH_DAY_FORMAT = r"j \d\e F"


def __getattr__(name: str) -> str:
    """A format that a page names itself, with what stands before a month and its year: `j F Y` is `j de F de Y`."""
    if "F" not in name or " " not in name:
        raise AttributeError(name)
    return name.replace("j F", r"j \d\e F").replace("F Y", r"F \d\e Y")
