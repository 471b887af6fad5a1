"""The stages in which a fleet's flexibility is computed, in words for those who wait."""

from typing import Final

STAGES: Final = {
    "baselines": "What homes usually draw",
    "forecast": "What homes are about to draw",
    "envelope": "What each home can give",
}
