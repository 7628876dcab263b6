"""Envelope addresses: what is right passes, what is wrong is refused with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.content.address import PATH_MAX, Address, examine, parse_address
from warmup.errors import DataError, Problem

ATEXT = "abcXYZ019!#$%&'*+/=?^_`{|}~-"
atoms = st.text(ATEXT, min_size=1, max_size=12)
locals_ = st.lists(atoms, min_size=1, max_size=4).map(".".join)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
last_labels = st.from_regex(r"[a-z]{2,8}", fullmatch=True)
domains = st.builds(lambda first, last: ".".join([*first, last]), st.lists(labels, max_size=4), last_labels)

GOOD = {
    "alice@example.com": ("alice", "example.com"),
    "first.last+tag@mail.example.co.uk": ("first.last+tag", "mail.example.co.uk"),
    "A.B@Example.COM": ("A.B", "example.com"),
    "a@xn--bcher-kva.example": ("a", "xn--bcher-kva.example"),
    "a@localhost": ("a", "localhost"),
    "a@3com.com": ("a", "3com.com"),
    "a@x--y.test": ("a", "x--y.test"),
    '"john doe"@example.com': ('"john doe"', "example.com"),
    '"a@b, <c>"@example.com': ('"a@b, <c>"', "example.com"),
    r'"a\"b\\"@example.com': (r'"a\"b\\"', "example.com"),
    "a@[192.0.2.1]": ("a", "[192.0.2.1]"),
    "a@[ipv6:2001:DB8:0::1]": ("a", "[IPv6:2001:db8::1]"),
    "jörg@bücher.example": ("jörg", "bücher.example"),
    "用户@例え.test": ("用户", "例え.test"),
    "x" * 64 + "@example.com": ("x" * 64, "example.com"),
}

BAD = {
    "": "is empty",
    " a@b.test": "spaces around",
    "a@b.test ": "spaces around",
    "a@b.test, c@d.test": "list",
    "a b@c.test": "before the @",
    "a;b@c.test": "before the @",
    "a@b.test\r\nRCPT TO:<x@y.test>": "U+000D",
    "a@b.test\n": "U+000A",
    "a\0@b.test": "U+0000",
    "a@b\x7f.test": "U+007F",
    "a\x85@b.test": "U+0085",
    "a@b.test\u2028": "U+2028",
    "a\u2029b@c.test": "U+2029",
    "a\u202eb@c.test": "U+202E",
    "a\u00a0b@c.test": "U+00A0",
    "a\udcffb@c.test": "U+DCFF",
    "nobody": "no @",
    "@b.test": "nothing before",
    "a@": "no domain",
    "a@b@c.test": "two @",
    "a@b.test.": "ends in a dot",
    "a@b..test": "empty label",
    "a@.b.test": "empty label",
    "a..b@c.test": "two in a row",
    ".a@c.test": "dot",
    "a.@c.test": "dot",
    "a@-b.test": "label",
    "a@b-.test": "label",
    "a@b_c.test": "label",
    "a@" + "b" * 64 + ".test": "label",
    "X <a@b.test>": "display name",
    "<a@b.test>": "angle brackets",
    "a@b.test>": "angle brackets",
    "<>": "null path",
    "@r.test:a@b.test": "nothing before",
    '"a@b.test': "quoted",
    '"a"b@c.test': "quoted",
    '"a\nb"@c.test': "U+000A",
    "a@192.0.2.1": "ends in a number",
    "a@[192.0.2.01]": "literal",
    "a@[IPv6:fe80::1%eth0]": "literal",
    "a@[300.1.1.1]": "literal",
    "a@[x]": "literal",
    "a@straße.test": "label",
    "a@ｅxample.test": "label",
    "a@\u212aelvin.test": "label",
    "a@exa\u00admple.test": "U+00AD",
    "x" * 65 + "@example.com": "64 octets",
    "ü" * 33 + "@example.com": "64 octets",
    "a@" + ".".join(["b" * 60] * 5) + ".test": "255 octets",
    "x" * 64 + "@" + ".".join(["b" * 60] * 3) + ".example.test": "254 octets",
    "x" * 5000: "254 octets",
}


@pytest.mark.parametrize("text", GOOD)
def test_good_addresses_pass(text: str) -> None:
    """A right address is taken, its domain in lower case and its local part untouched."""
    local, domain = GOOD[text]
    assert parse_address(text) == Address(local, domain, f"{local}@{domain}")


@pytest.mark.parametrize("text", BAD, ids=lambda text: ascii(text)[:40])
def test_bad_addresses_are_refused(text: str) -> None:
    """A wrong address is refused, naming the field, what is wrong and the mend."""
    with pytest.raises(DataError) as caught:
        parse_address(text, field="to[3]")
    (problem,) = caught.value.problems
    assert problem.field == "to[3]"
    assert BAD[text] in problem.wrong
    assert problem.mend
    assert caught.value.exit_code == 65
    assert str(problem).isprintable(), "no control character reaches a terminal"


def test_display_name_is_told_to_give_the_address() -> None:
    """Who pastes `Name <address>` is shown the part to give."""
    problem = examine("Bob <bob@example.net>")
    assert isinstance(problem, Problem)
    assert problem.mend == "give the address only: bob@example.net"


def test_null_path_is_for_senders() -> None:
    """The null reverse-path, written in either way, is an address only where a sender is asked for."""
    for text in ("", "<>"):
        assert parse_address(text, field="sender", null=True).text == ""
        with pytest.raises(DataError):
            parse_address(text)


def test_only_a_local_part_needs_smtputf8() -> None:
    """A domain has an ASCII form and travels in it; a local part that is not ASCII needs SMTPUTF8."""
    domain_only = parse_address("info@bücher.example")
    assert (domain_only.utf8, domain_only.wire) == (False, "info@xn--bcher-kva.example")
    both = parse_address("jörg@bücher.example")
    assert (both.utf8, both.wire) == (True, "jörg@bücher.example")
    assert both.ascii_domain == "xn--bcher-kva.example"


def test_not_text() -> None:
    """Bytes and None are refused with a reason, not a traceback."""
    for value in (b"a@b.test", None):
        assert isinstance(examine(value), Problem)  # type: ignore[arg-type]


@given(locals_, domains)
def test_every_dot_atom_passes(local: str, domain: str) -> None:
    """Whatever RFC 5321 calls a dot-string at a domain is taken, unless it is too long."""
    text = f"{local}@{domain}"
    if len(local) <= 64 and len(text) <= PATH_MAX:
        assert parse_address(text).text == text


@given(st.text() | st.text(ATEXT + '@.<>,;:" \r\n\0[]\\\u2028é', max_size=30))
def test_nothing_dangerous_ever_passes(text: str) -> None:
    """Whatever passes is one line, one address, safe between angle brackets, and passes again unchanged."""
    found = examine(text)
    if isinstance(found, Address):
        outside = found.text if not found.local.startswith('"') else found.domain
        assert not set(found.wire) & set("\r\n\0\t\x85\u2028\u2029")
        assert not set(outside) & set(' <>,;()"')
        assert len(found.text.encode()) <= PATH_MAX
        assert found.ascii_domain.isascii()
        assert parse_address(found.text) == found
        assert parse_address(found.wire).wire == found.wire
