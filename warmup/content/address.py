"""Envelope addresses, checked strictly: what passes here is safe inside ``RCPT TO:<...>``.

The grammar is RFC 5321 section 4.1.2 with the extension of RFC 6531 section 3.3, without
source routes. An SMTP library that mends a bad address by guessing drops a recipient in
silence, so nothing is mended here: an address is right, or it is refused with the reason.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache

import attrs

from warmup.errors import DataError, Problem

__all__ = ["DOMAIN_MAX", "LOCAL_MAX", "PATH_MAX", "Address", "examine", "parse_address", "shown"]

LOCAL_MAX = 64
"""Octets of a local part (RFC 5321 section 4.5.3.1.1)."""
DOMAIN_MAX = 255
"""Octets of a domain (RFC 5321 section 4.5.3.1.2)."""
PATH_MAX = 254
"""Octets of an address: a path is 256 with its angle brackets (RFC 5321 section 4.5.3.1.3)."""

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"

# The common case, decided by one match without a way back: an ASCII dot-atom at a lower-case domain
# whose last label ends in a letter. Everything else, right or wrong, is looked at closely.
_COMMON = re.compile(
    rf"([{_ATEXT}]++(?:\.[{_ATEXT}]++)*+)@([a-z0-9]++(?:[.\-][a-z0-9]++)*+)(?<=[a-z])",
)
_LONG_LABEL = re.compile(r"[^.]{64}")
_LDH = re.compile(_LABEL)
_ATOM = re.compile(rf"[{_ATEXT}\u0080-\U0010ffff]+")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"')
_DISPLAY = re.compile(r"[^<>]*<([^<>]*)>\s*")
# Separators, controls and surrogates have no place in an address; format characters turn text
# around or hide it (RFC 6530 section 10.1), except the joiners, which some scripts need.
_FOUL = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"))
_JOINERS = frozenset("\u200c\u200d")


@attrs.frozen
class Address:
    """One checked address.

    Attributes:
        local: The local part as it was given, with its quotes.
        domain: Lower case; an address literal keeps its brackets: ``[192.0.2.1]``.
        text: ``local@domain``; empty for the null reverse-path.
    """

    local: str
    domain: str
    text: str

    @property
    def utf8(self) -> bool:
        """Whether it can travel only by SMTPUTF8: a domain has an ASCII form, a local part has none."""
        return not self.local.isascii()

    @property
    def ascii_domain(self) -> str:
        """The domain in A-labels (RFC 5890), as DNS wants it."""
        if self.domain.isascii():
            return self.domain
        return ".".join(_to_ascii(label) for label in self.domain.split("."))

    @property
    def wire(self) -> str:
        """The address as it goes on the wire: in ASCII wherever that is possible."""
        if self.text.isascii() or self.utf8:
            return self.text
        return f"{self.local}@{self.ascii_domain}"


NULL_PATH = Address("", "", "")


def parse_address(text: str, *, field: str = "recipient", null: bool = False) -> Address:
    """Check one envelope address.

    Args:
        text: The address alone: no display name, no angle brackets, no list.
        field: What to call it in an error.
        null: Whether the null reverse-path, ``""`` or ``"<>"``, is allowed; it is for senders.

    Raises:
        DataError: It is not an address; the problem says why and what to write.
    """
    found = examine(text, field=field, null=null)
    if isinstance(found, Problem):
        raise DataError(problems=(found,))
    return found


def examine(text: str, *, field: str = "recipient", null: bool = False) -> Address | Problem:
    """Check one envelope address and return the problem instead of raising it."""
    if not isinstance(text, str):
        return Problem(field, f"is {type(text).__name__}, not text", "give the address as a string")
    if len(text) <= PATH_MAX and (common := _common(text)) is not None:
        return common
    if null and text in ("", "<>"):
        return NULL_PATH
    return _examine_closely(text, field)


# A message's sender is the one before's, and its recipient is looked at more than once.
@lru_cache(maxsize=1024)
def _common(text: str) -> Address | None:
    match = _COMMON.fullmatch(text)
    if match is None:
        return None
    local, domain = match.groups()
    if len(local) > LOCAL_MAX or (len(domain) > 63 and _LONG_LABEL.search(domain) is not None):
        return None
    return Address(local, domain, text)


def shown(text: str) -> str:
    """Quote somebody else's text for an error: escaped, and never long."""
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _examine_closely(text: str, field: str) -> Address | Problem:
    def wrong(what: str, mend: str = "write it as name@example.com") -> Problem:
        return Problem(field, f"{shown(text)} {what}" if text else what, mend)

    if not text:
        return wrong("is empty")
    if len(text) > 4 * PATH_MAX:
        return wrong(f"is longer than {PATH_MAX} octets")
    if hidden := next(
        (c for c in text if c not in _JOINERS and unicodedata.category(c) in _FOUL and c != " "), ""
    ):
        return wrong(
            f"holds the character U+{ord(hidden):04X}, which an address may not hold", "leave it out"
        )
    if text != text.strip():
        return wrong("has spaces around it", "leave them out")
    if text in ("<>", "<@>"):
        return wrong("is the null path, which only a sender may be", "give a real address")

    local, at, domain = _split(text)
    if not at:
        if (display := _DISPLAY.fullmatch(text)) is not None:
            return wrong("has a display name or angle brackets", f"give the address only: {display[1][:80]}")
        return wrong("has no @")
    if not local:
        return wrong("has nothing before the @")
    if "<" in text or ">" in text:
        display = _DISPLAY.fullmatch(text)
        mend = f"give the address only: {display[1][:80]}" if display else "give the address only"
        if not local.startswith('"') or "<" in domain or ">" in domain:
            return wrong("has a display name or angle brackets", mend)
    if "," in domain or ";" in domain or ("," in local and not local.startswith('"')):
        return wrong("is a list or holds a comma", "give each address by itself")

    if (what := _local_problem(local)) is not None:
        return wrong(*what)
    checked = _literal(domain) if domain.startswith("[") else _domain(domain)
    if not isinstance(checked, str):
        return wrong(*checked)
    whole = f"{local}@{checked}"
    if len(whole.encode()) > PATH_MAX:
        return wrong(
            f"is longer than {PATH_MAX} octets", "no server takes a longer address (RFC 5321 4.5.3.1.3)"
        )
    return Address(local, checked, whole)


def _split(text: str) -> tuple[str, str, str]:
    """Divide at the @ that ends the local part: the first one outside quotes."""
    if text.startswith('"'):
        end = match.end() if (match := _QUOTED.match(text)) is not None else len(text)
        return (text[:end], "@", text[end + 1 :]) if text[end : end + 1] == "@" else text.rpartition("@")
    return text.partition("@")


def _local_problem(local: str) -> tuple[str, str] | None:
    if len(local.encode()) > LOCAL_MAX:
        return f"has more than {LOCAL_MAX} octets before the @", "RFC 5321 4.5.3.1.1 allows no more"
    if local.startswith('"'):
        if _QUOTED.fullmatch(local) is None:
            return "has a quoted part that does not end well", 'write "..." with \\" and \\\\ inside'
        return None
    if "" in (atoms := local.split(".")):
        return (
            "has a dot at an end of the local part, or two in a row",
            "leave the dot out, or quote the local part",
        )
    for atom in atoms:
        if _ATOM.fullmatch(atom) is None:
            bad = next(c for c in atom if _ATOM.fullmatch(c) is None)
            return f"has {shown(bad)} before the @", "leave it out, or quote the local part"
    return None


def _literal(domain: str) -> str | tuple[str, str]:
    """Check an address literal (RFC 5321 section 4.1.3) and write it canonically."""
    inside = domain[1:-1] if domain.endswith("]") else ""
    try:
        if inside[:5].lower() == "ipv6:":
            address = ipaddress.IPv6Address(inside[5:])
            if address.scope_id is None:
                return f"[IPv6:{address}]"
        else:
            return f"[{ipaddress.IPv4Address(inside)}]"
    except ValueError:
        pass
    return "has an address literal that is none", "write [192.0.2.1] or [IPv6:2001:db8::1]"


def _domain(domain: str) -> str | tuple[str, str]:
    if "@" in domain:
        return "has two @", "give one address, and quote a local part that holds an @"
    if not domain:
        return "has no domain after the @", "write it as name@example.com"
    if domain.endswith("."):
        return "ends in a dot", "leave the dot out"
    labels = domain.split(".")
    if "" in labels:
        return "has an empty label in its domain: two dots in a row, or one at its start", "leave the dot out"
    if labels[-1].isascii() and labels[-1].isdigit():
        return "has a domain that ends in a number", "put an IP address in brackets: name@[192.0.2.1]"
    checked = []
    for label in labels:
        lowered = unicodedata.normalize("NFC", label.lower())
        if label.isascii():
            good = _LDH.fullmatch(label) is not None
        else:
            good = not lowered.isascii() and _survives(lowered)
        if not good:
            return (
                f"has {shown(label)} in its domain, which is no domain label",
                "use letters, digits and hyphens, or the form that begins with xn--",
            )
        checked.append(lowered)
    if sum(len(_to_ascii(label)) + 1 for label in checked) - 1 > DOMAIN_MAX:
        return f"has a domain of more than {DOMAIN_MAX} octets", "RFC 5321 4.5.3.1.2 allows no more"
    return ".".join(checked)


def _survives(label: str) -> bool:
    """Whether a label comes back unchanged from its A-label.

    What does not (a sharp s, an invisible joiner, a full-width letter) names different domains
    under IDNA 2003 and IDNA 2008; mail must not go to whichever of the two we happen to implement.
    """
    from encodings import idna

    try:
        encoded = _to_ascii(label)
        return _LDH.fullmatch(encoded) is not None and idna.ToUnicode(encoded) == label
    except UnicodeError:
        return False


def _to_ascii(label: str) -> str:
    if label.isascii():
        return label
    from encodings import idna

    return idna.ToASCII(label).decode("ascii")
