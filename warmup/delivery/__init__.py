"""The network out: routes, connections, transactions, and the courier that drives them."""

from __future__ import annotations

from warmup.errors import UnavailableError

__all__ = ["SourceUnavailable"]


class SourceUnavailable(UnavailableError):
    """A source's address is not on this machine, so nothing can leave from it.

    It is our own trouble and not the remote server's: the source is held, the others go on.

    Attributes:
        address: The source's address.
        reason: What the operating system said.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"source {address}: {reason} (give the address to an interface of this machine, "
            f"for example with `ip address add {address} dev eth0`, or take the source out of the plan)"
        )
        self.address = address
        self.reason = reason
