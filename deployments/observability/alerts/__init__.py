"""All alerts: few, and each one says what a person does."""

from deployments.observability.alert import Alert
from deployments.observability.alerts import delivery, queues, spending, systems, work

ALERTS: tuple[Alert, ...] = (
    *queues.ALERTS,
    *work.ALERTS,
    *delivery.ALERTS,
    *spending.ALERTS,
    *systems.ALERTS,
)
