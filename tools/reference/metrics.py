"""The table of Prometheus metrics."""

from prometheus_client.metrics import MetricWrapperBase

from gateway.app.metrics import Metrics
from gateway.config import Config
from tools.reference.markdown import table


def metrics() -> str:
    """Every metric with its kind, labels and meaning, by name."""
    shown = Metrics(Config.model_construct(open_invoices=0, waiters=0, payout_day_sat=0))
    collectors = shown.registry._collector_to_names
    labels = {each._name: each._labelnames for each in collectors if isinstance(each, MetricWrapperBase)}
    rows = []
    for family in shown.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append((f"`{name}`", family.type, _codes(labels.get(family.name, _labels(family))), family.documentation))
    return table(("metric", "kind", "labels", "meaning"), sorted(rows))


def _labels(family: object) -> tuple[str, ...]:
    return tuple(getattr(family, "_labelnames", ()))


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
