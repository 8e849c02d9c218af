"""Numbers as people say them: percent for ratios, points for their differences."""


def is_ratio(metric: str) -> bool:
    """Whether the metric lies in [0, 1] and is said in percent and points."""
    return metric.endswith("accuracy")


def format_metric(value: float | None, metric: str) -> str:
    """A value: percent for ratios, four digits otherwise."""
    if value is None:
        return "nothing"
    return f"{100 * value:.2f} %" if is_ratio(metric) else f"{value:.4g}"


def format_amount(
    value: float, metric: str, *, digits: int = 2, sign: bool = False
) -> str:
    """A difference of values: `0.56 points`.

    Args:
        value: of the metric's own scale.
        metric: its name.
        digits: behind the point, of a ratio; others have four.
        sign: whether a positive one has its sign, too.
    """
    return f"{_scaled(value, metric, digits, sign)}{' points' * is_ratio(metric)}"


def format_interval(
    low: float | None, high: float | None, metric: str, *, digits: int = 2
) -> str:
    """The ends of an interval, without their unit: `-3.69 to 2.58`."""
    if low is None or high is None:
        return "unknown"
    ends = (_scaled(end, metric, digits) for end in (low, high))
    return " to ".join(ends)


def with_reach(
    mean: float, low: float | None, metric: str, *, signed: bool = False
) -> str:
    """`97.22 ± 2.66`: in percent for ratios, half the width of the interval behind.

    Args:
        mean: of values of the metric, or of differences between them.
        low: the lower end of its interval; None where there is none.
        metric: whose values they are.
        signed: whether a gain has its plus.
    """
    said = _scaled(mean, metric, 2, signed)
    return said if low is None else f"{said} ± {_scaled(mean - low, metric, 2)}"


def format_reach(
    mean: float, low: float | None, metric: str, *, is_amount: bool = False
) -> str:
    """The same with its unit: `97.22 ± 2.66 %`.

    Args:
        mean: the middle of the interval.
        low: its lower end; None where there is none.
        metric: whose values, or differences, these are.
        is_amount: whether it is a difference.
    """
    unit = (" points" if is_amount else " %") * is_ratio(metric)
    return with_reach(mean, low, metric, signed=is_amount) + unit


def format_p(p: float) -> str:
    """`p = 0.018`."""
    return f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"


def _scaled(value: float, metric: str, digits: int, sign: bool = False) -> str:
    scale, digits = (100, digits) if is_ratio(metric) else (1, 4)
    # What single precision adds to a difference of nothing has no sign.
    number = round(scale * value, digits) + 0.0
    return f"{number:{'+' if sign else ''}.{digits}f}"
