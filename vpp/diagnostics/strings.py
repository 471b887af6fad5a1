"""A string of panels that gives less than the year before, beside the same home's other strings.

Weather, season and the dust of a whole roof meet the strings of one home alike. So what a string gave in some weeks over
what it gave in the same weeks of the year before is divided by the median of the other strings' same quotient; what is
left is its own. How sure that is comes from leaving out blocks of neighboring days, one after the other, of either year
(the delete-a-group jackknife, Quenouille and Tukey, from memory), and from Student's distribution.

With two strings nobody can tell which of them changed: one that was mended makes the other look worse. A string
that gives no less than it did itself the year before is therefore never told of. New shade, modules that were turned,
and, where strings look to different sides, a year with other mornings than evenings look like a fault. The choice of
method is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import Floats, checked, one_name_each, same_shape
from vpp.diagnostics.finding import Finding, severity_of
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds

_BLOCKS = 7
_LEAST_DAYS = 14
# What a string that stands still is taken to give, so that quotients have a logarithm.
_NOTHING_KWH = 1e-9


@dataclass(frozen=True, slots=True)
class StringYields:
    """What N strings of one home gave against the year before, (N,) each; NaN where too little is known.

    `now_kwh` and `before_kwh` are sums [kWh] over the days on which all strings are known, each brought to the
    same count of days; `own_loss` is the loss of a string against itself and `loss` against the others [share,
    negative for a gain]; `error` is the standard error of the logarithm of 1 - loss [1], with `freedom` degrees [1].
    """

    now_kwh: Floats
    before_kwh: Floats
    own_loss: Floats
    loss: Floats
    error: Floats
    freedom: int


def string_yields(now_kwh: ArrayLike, before_kwh: ArrayLike) -> StringYields:
    """Compare the strings of one home with themselves a year before, and with each other.

    Parameters
    ----------
    now_kwh
        (N, D) daily yields of the strings [kWh]; NaN is missing. A day counts where all strings are known.
    before_kwh
        (N, D) of the same days of the year before.

    Raises
    ------
    DiagnosticsError
        For negative or infinite yields, or shapes that do not fit.
    """
    now = checked("yield", now_kwh, dimensions=2, least=0.0)
    before = checked("yield before", before_kwh, dimensions=2, least=0.0)
    same_shape("yield before", before, shape=now.shape)
    strings, days = now.shape
    known = [~np.isnan(year).any(axis=0) for year in (now, before)]
    if strings < 2 or min(mask.sum() for mask in known) < _LEAST_DAYS:
        nothing = np.full(strings, np.nan)
        return StringYields(nothing, nothing, nothing, nothing, nothing, _BLOCKS - 1)
    years = [year[:, mask] for year, mask in zip((now, before), known, strict=True)]
    now_mean, before_mean = (np.maximum(year.mean(axis=1), _NOTHING_KWH) for year in years)
    change = now_mean / before_mean
    relative = _beside(change)
    variance = np.zeros(strings)
    for left_out in (_means_without(years[0]) / before_mean, now_mean / _means_without(years[1])):
        logs = np.log(_beside(left_out))
        variance += (_BLOCKS - 1) / _BLOCKS * ((logs - logs.mean(axis=0)) ** 2).sum(axis=0)
    return StringYields(
        days * now_mean, days * before_mean, 1.0 - change, 1.0 - relative, np.sqrt(variance), _BLOCKS - 1
    )


def string_findings(
    found: StringYields, resources: Sequence[str], *, thresholds: Thresholds = DEFAULTS
) -> list[Finding]:
    """Findings of strings that surely lost more than the others, and give less than they did themselves.

    Confidence is the probability of a loss beyond `string_loss_pct`, as far as the days tell.

    Raises
    ------
    DiagnosticsError
        For names that are not as many as the strings.
    """
    from scipy.special import stdtr

    one_name_each(resources, len(found.loss))
    limit = np.log(1.0 - thresholds.string_loss_pct / 100.0)
    away = (limit - np.log(1.0 - found.loss)) / np.maximum(found.error, 1e-6)
    sure = stdtr(found.freedom, away)
    # Of two strings that lost, as against a third that did not, each is told of.
    told = (sure >= thresholds.string_confidence) & (found.own_loss > 0.0)
    return [
        Finding(
            kind="string_below_last_year",
            resource=resources[string],
            since=None,
            confidence=float(sure[string]),
            severity=severity_of(
                100.0 * found.loss[string], warning=thresholds.string_loss_pct, critical=50.0
            ),
            sentence=(
                f"Gives {100 * found.own_loss[string]:.0f} % less than in the same weeks of last year, "
                f"{100 * found.loss[string]:.0f} % less beside the other strings."
            ),
            evidence={
                "loss_pct": 100.0 * float(found.own_loss[string]),
                "beside_others_pct": 100.0 * float(found.loss[string]),
                "error_pct": 100.0 * float(found.error[string] * (1.0 - found.loss[string])),
                "now_kwh": float(found.now_kwh[string]),
                "before_kwh": float(found.before_kwh[string]),
            },
            action="Look for new shade and dirt on this string; have its fuse, plugs and modules checked.",
        )
        for string in np.flatnonzero(told).tolist()
    ]


def _beside(change: Floats) -> Floats:
    """(..., N) quotients over the median of the other strings' quotients."""
    count = change.shape[-1]
    others = [np.delete(change, string, axis=-1) for string in range(count)]
    return np.stack(
        [change[..., string] / np.median(others[string], axis=-1) for string in range(count)], axis=-1
    )


def _means_without(year: Floats) -> Floats:
    """(B, N) mean yields when one block of neighboring days is left out."""
    blocks = np.array_split(np.arange(year.shape[1]), _BLOCKS)
    means = np.stack([np.delete(year, block, axis=1).mean(axis=1) for block in blocks])
    return np.asarray(np.maximum(means, _NOTHING_KWH))
