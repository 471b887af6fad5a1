"""Why the demo ends early."""


class LoopFailed(Exception):
    """The loop did not close; the text says where."""


class DayFailed(LoopFailed):
    """The market day did not go on; the text says where."""
