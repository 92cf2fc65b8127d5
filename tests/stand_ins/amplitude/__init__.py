"""In place of Prefect's telemetry package: writes what would be sent to the file that SENT names."""

import os
from pathlib import Path


class Config:
    """How the real client would send."""

    def __init__(self, **_options: object) -> None:
        pass


class BaseEvent:
    """One event, under its name."""

    def __init__(self, event_type: str, **_properties: object) -> None:
        self.event_type = event_type


class Amplitude:
    """A client that sends nothing."""

    def __init__(self, _key: str, _config: Config) -> None:
        pass

    def track(self, event: BaseEvent) -> None:
        """Write the event's name."""
        with Path(os.environ["SENT"]).open("a", encoding="utf-8") as sent:
            sent.write(f"{event.event_type}\n")

    def shutdown(self) -> None:
        """Nothing is left to send."""
