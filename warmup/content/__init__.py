"""What may go out: envelope addresses and message content, checked before anything is queued. Pure."""

from warmup.content.address import Address, parse_address
from warmup.content.wire import SIZE_MAX, prepare

__all__ = ["SIZE_MAX", "Address", "parse_address", "prepare"]
