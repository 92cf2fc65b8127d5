"""PromQL from the catalogue: how the values of several processes become one."""

from agents.runtime.metrics import CATALOGUE, Metric


def metric(name: str) -> Metric:
    """The metric of the catalogue that exports this series. Raises KeyError."""
    for suffix in ("", "_bucket", "_count", "_sum"):
        found = CATALOGUE.get(name.removesuffix(suffix) if suffix else name)
        if found is not None and (not suffix or found.kind == "histogram"):
            return found
    raise KeyError(name)


def across(name: str, *by: str, select: str = "") -> str:
    """One value for each combination of the labels `by`.

    The processes are put together first, by the sum or the largest value as the catalogue says. What one
    process reads in the journal for all is the same in each that still exports it, and is added up only
    over its other labels.
    """
    one = metric(name)
    series = f"{name}{{{select}}}" if select else name
    if one.kind != "gauge":
        return f"sum{_by(by)} (rate({series}[$__rate_interval]))"
    labels = tuple(label.name for label in one.labels)
    per_series = f"{one.across}{_by(labels)} ({series})"
    if one.across == "sum" or set(by) == set(labels) or one.unit:
        return f"{one.across}{_by(by)} ({series})"
    return f"sum{_by(by)} ({per_series})"


def quantile(share: float, name: str, *by: str, window: str = "$__rate_interval") -> str:
    """The quantile of a histogram over all processes."""
    return f"histogram_quantile({share:g}, sum{_by(('le', *by))} (rate({name}_bucket[{window}])))"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""
