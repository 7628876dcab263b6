"""The configuration: TOML in, a frozen :class:`Config` out, with every mistake at once.

Nothing in the file is expanded: ``${NAME}`` is refused rather than read from the environment, so
that the file says what runs. A PostgreSQL password belongs in ``PGPASSFILE`` or ``PGPASSWORD``,
which the driver reads itself.
"""

from warmup.config.reader import find_config
from warmup.config.settings import ClockConfig, Config, DeliveryConfig
from warmup.config.spans import parse_span, write_span

__all__ = ["ClockConfig", "Config", "DeliveryConfig", "find_config", "parse_span", "write_span"]
