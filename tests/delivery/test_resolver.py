"""Where mail for a domain goes."""

from __future__ import annotations

import asyncio

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from warmup.contracts import Host, Resolver, Unroutable
from warmup.delivery.resolver import DnsResolver, StaticFirst, StaticResolver, parse_target
from warmup.delivery.targets import forbidden, is_loopback, system_lookup
from warmup.errors import ConfigError
from warmup.testing import SimulatedClock
from warmup.timing import DAY, SECOND

ZONE = {
    ("two.example", "MX"): (600, ["20 Backup.two.example.", "10 mx1.two.example."]),
    ("many.example", "MX"): (600, [f"10 mx{n}.many.example." for n in range(9)]),
    ("null.example", "MX"): (600, ["0 ."]),
    ("bare.example", "A"): (7, ["192.0.2.10"]),
    ("alias.example", "CNAME"): (60, ["two.example."]),
    ("short.example", "MX"): (1, ["10 mx.short.example."]),
    ("long.example", "MX"): (10_000_000, ["10 mx.long.example."]),
    ("mx1.two.example", "A"): (600, ["192.0.2.1", "192.0.2.2"]),
    ("mx1.two.example", "AAAA"): (600, ["2001:db8::1"]),
    ("nothing.example", "TXT"): (600, ['"exists, and that is all"']),
    ("half.example", "A"): (600, ["192.0.2.3"]),
}
BROKEN = {("broken.example", "MX"), ("half.example", "AAAA")}


class NameServer(asyncio.DatagramProtocol):
    """A name server for one small zone, that counts what it is asked."""

    def __init__(self):
        self.asked = []
        self.at_once = 0
        self.at_once_max = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        asyncio.get_running_loop().call_later(0.005, self.answer, data, peer)

    def answer(self, data, peer):
        self.at_once -= 1
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = (
            question.name.to_text(omit_final_dot=True).lower(),
            dns.rdatatype.to_text(question.rdtype),
        )
        self.asked.append((name, kind))
        if name.startswith("silent"):
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if (name, kind) in BROKEN:
            answer.set_rcode(dns.rcode.SERVFAIL)
        else:
            while name == "alias.example" and (entry := ZONE[name, "CNAME"]):
                answer.answer.append(dns.rrset.from_text(name + ".", entry[0], "IN", "CNAME", *entry[1]))
                name = entry[1][0].rstrip(".")
            if (name, kind) in ZONE:
                ttl, texts = ZONE[name, kind]
                answer.answer.append(dns.rrset.from_text(name + ".", ttl, "IN", kind, *texts))
            elif not any(known == name for known, _ in ZONE | dict.fromkeys(BROKEN)):
                answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), peer)


@pytest.fixture
def clock():
    return SimulatedClock(0)


@pytest.fixture
def ask(run, clock):
    """Run a function of a resolver against the name server."""

    def ask(work, **options):
        async def main():
            loop = asyncio.get_running_loop()
            transport, server = await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
            port = transport.get_extra_info("sockname")[1]
            options.setdefault("timeout_s", 2.0)
            resolver = DnsResolver(clock, nameservers=["127.0.0.1"], port=port, **options)
            try:
                return await work(resolver), server
            finally:
                transport.close()

        return run(main())

    return ask


def test_mx_by_preference(ask):
    """Hosts come in the order of their preference, and the MX set sorted, in lower case."""
    route, _ = ask(lambda resolver: resolver.resolve("two.example"))
    assert [host.name for host in route.hosts] == ["mx1.two.example", "backup.two.example"]
    assert route.mx == ("backup.two.example", "mx1.two.example")
    assert all(host == Host(host.name, 25, ()) for host in route.hosts)
    assert route.ttl_s == 600


def test_at_most_five_hosts(ask):
    """Of many hosts five are kept to be tried; the MX set names all, so that the site stays one."""
    route, _ = ask(lambda resolver: resolver.resolve("many.example"))
    assert len(route.hosts) == 5
    assert len(route.mx) == 9


@pytest.mark.parametrize(
    ("domain", "permanent", "code", "enhanced"),
    [
        ("null.example", True, 556, "5.1.10"),
        ("missing.example", True, 550, "5.1.2"),
        ("nothing.example", True, 550, "5.1.2"),
        ("broken.example", False, 451, "4.4.3"),
        ("silent.example", False, 451, "4.4.3"),
        ("x" * 70 + ".example", True, 550, "5.1.2"),
        ("a..example", True, 550, "5.1.2"),
        ("[not an address]", True, 550, "5.1.2"),
    ],
)
def test_unroutable(ask, domain, permanent, code, enhanced):
    """What can never be reached is told apart from what DNS did not say this time."""

    async def work(resolver):
        with pytest.raises(Unroutable) as caught:
            await resolver.resolve(domain)
        return caught.value

    error, server = ask(work, timeout_s=0.3)
    assert (error.permanent, error.code, error.enhanced) == (permanent, code, enhanced)
    if domain == "null.example":
        assert server.asked == [("null.example", "MX")], "a null MX is final: no address is asked for"


def test_no_mx_but_an_address(ask):
    """A domain without MX is its own mail host."""
    route, _ = ask(lambda resolver: resolver.resolve("bare.example"))
    assert route.hosts == (Host("bare.example"),)
    assert route.mx == ()


def test_alias(ask):
    """A domain that is an alias goes where its target goes."""
    route, _ = ask(lambda resolver: resolver.resolve("alias.example"))
    assert route.hosts[0].name == "mx1.two.example"


@pytest.mark.parametrize(("domain", "ttl_s"), [("short.example", 300), ("long.example", 86_400)])
def test_ttl_is_bounded(ask, domain, ttl_s):
    """An answer is remembered for 5 minutes at least and for a day at most."""
    route, _ = ask(lambda resolver: resolver.resolve(domain))
    assert route.ttl_s == ttl_s


@pytest.mark.parametrize("text", ["192.0.2.1", "2001:db8::1"])
def test_address_literal(ask, text):
    """Mail to an address literal goes to that address, which is looked at like any other."""
    literal = f"[IPv6:{text}]" if ":" in text else f"[{text}]"
    route, server = ask(lambda resolver: resolver.resolve(literal))
    assert route.hosts == (Host(text, 25, ()),)
    assert server.asked == []


def test_answers_are_remembered(ask, clock):
    """A domain is asked about once in its time to live, also when many ask together."""

    async def work(resolver):
        assert isinstance(resolver, Resolver)
        await asyncio.gather(*(resolver.resolve("Two.example") for _ in range(20)))
        clock.advance(599 * SECOND)
        await resolver.resolve("two.example.")
        for _ in range(2):
            with pytest.raises(Unroutable):
                await resolver.resolve("missing.example")

    _, server = ask(work)
    assert server.asked == [("two.example", "MX"), ("missing.example", "MX")]

    async def later(resolver):
        await resolver.resolve("two.example")
        clock.advance(600 * SECOND)
        await resolver.resolve("two.example")

    _, server = ask(later)
    assert len(server.asked) == 2


def test_trouble_is_not_remembered(ask):
    """A name server that had trouble is asked again the next time."""

    async def work(resolver):
        for _ in range(2):
            with pytest.raises(Unroutable):
                await resolver.resolve("broken.example")

    _, server = ask(work)
    assert server.asked.count(("broken.example", "MX")) >= 2


def test_questions_at_once_are_bounded(ask):
    """However many domains are asked about, the name server sees only so many questions at once."""

    async def work(resolver):
        names = [f"d{n}.example" for n in range(60)]
        return await asyncio.gather(*map(resolver.resolve, names), return_exceptions=True)

    results, server = ask(work, concurrency=5)
    assert all(isinstance(each, Unroutable) and each.permanent for each in results)
    assert server.at_once_max <= 5


def test_addresses_of_a_host(ask):
    """A host's addresses come IPv4 first, one kind may be silent, and a host without any is an OSError."""

    async def work(resolver):
        assert await resolver.addresses("192.0.2.9") == ("192.0.2.9",)
        assert await resolver.addresses("half.example") == ("192.0.2.3",)
        for name in ("missing.example", "null.example", "broken.example"):
            with pytest.raises(OSError, match=name):
                await resolver.addresses(name)
        return await resolver.addresses("mx1.two.example")

    found, _ = ask(work)
    assert set(found[:2]) == {"192.0.2.1", "192.0.2.2"}
    assert found[2:] == ("2001:db8::1",)


def test_ties_are_broken_by_chance_and_can_be_repeated(ask, clock):
    """Hosts of one preference take turns as time goes on, and the same seed gives the same order."""

    async def work(resolver):
        orders = []
        for _ in range(5):
            orders.append((await resolver.resolve("many.example")).hosts)
            clock.advance(DAY)
        return orders

    first, _ = ask(work)
    clock.__init__(0)
    second, _ = ask(work)
    assert first == second
    assert len(set(first)) > 1


# The static map.


async def lookup(name):
    if name == "missing.test":
        raise OSError("no such host")
    return (await system_lookup(name)) if name[0] in "1:[" else ("10.0.0.5",)


ROUTES = {
    "Example.com": "127.0.1.1:2525",
    ".example.com": "[::1]:2526",
    ".deep.example.com": "127.0.1.3:25",
    "*": "Smarthost.test:587",
}


@pytest.mark.parametrize(
    ("domain", "host"),
    [
        ("example.com", Host("127.0.1.1", 2525, ("127.0.1.1",))),
        ("EXAMPLE.com.", Host("127.0.1.1", 2525, ("127.0.1.1",))),
        ("a.example.com", Host("::1", 2526, ("::1",))),
        ("a.b.deep.example.com", Host("127.0.1.3", 25, ("127.0.1.3",))),
        ("notexample.com", Host("smarthost.test", 587, ("10.0.0.5",))),
        ("[192.0.2.1]", Host("smarthost.test", 587, ("10.0.0.5",))),
    ],
)
def test_static_routes(run, domain, host):
    """The longest pattern that fits decides, and its addresses, private or not, come with the route."""
    route = run(StaticResolver(ROUTES, lookup=lookup).resolve(domain))
    assert route.hosts == (host,)
    assert route.mx == ()


def test_static_map_without_an_answer(run):
    """A domain that the map does not know, or whose target has no address, waits; it does not bounce."""
    for routes, enhanced in (({"a.test": "127.0.0.1"}, "4.4.4"), ({"*": "missing.test"}, "4.4.3")):
        with pytest.raises(Unroutable) as caught:
            run(StaticResolver(routes, lookup=lookup).resolve("b.test"))
        assert (caught.value.permanent, caught.value.code, caught.value.enhanced) == (False, 451, enhanced)


def test_static_first(run):
    """What the map knows is not asked about, and the rest goes to the other resolver."""

    class Other:
        async def resolve(self, domain):
            raise Unroutable(domain, permanent=True, code=550, enhanced="5.1.2")

    both = StaticFirst(StaticResolver({"a.test": "127.0.0.1:2525"}), Other())
    assert run(both.resolve("a.test")).hosts[0].port == 2525
    with pytest.raises(Unroutable, match=r"^b"):
        run(both.resolve("b.test"))


@pytest.mark.parametrize(
    "target",
    [
        "",
        ":25",
        "a.test:0",
        "a.test:x",
        "a.test:70000",
        "::1",
        "::1:25",
        "[::1",
        "[a.test]:25",
        "a b:25",
        "a..b:25",
    ],
)
def test_bad_targets(target):
    """A target that makes no sense is refused with its place, and all of them at once."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_target(target)
    with pytest.raises(ConfigError) as caught:
        StaticResolver({"a.test": target, "*.b.test": "127.0.0.1"})
    assert len(caught.value.problems) == 2


# Addresses that are not dialled.


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::",
        "2002:808:808::", "2001:0:808:808::1", "localhost", "127.1", "2130706433",
    ],
)  # fmt: skip
def test_forbidden_addresses(address):
    """No spelling or wrapping of an inward address gets past."""
    assert forbidden(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_may_be_dialled(address):
    """Addresses of the Internet may be dialled, also through NAT64."""
    assert forbidden(address) is None


def test_loopback():
    """Loopback is recognised in both families, and behind IPv4-mapped addresses."""
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]))
    assert not any(map(is_loopback, ["128.0.0.1", "::2", "::ffff:10.0.0.1"]))


def test_system_lookup(run):
    """A name is looked up as the system does, an address stands for itself, nonsense is an OSError."""
    assert run(system_lookup("192.0.2.1")) == ("192.0.2.1",)
    assert "127.0.0.1" in run(system_lookup("localhost"))
    with pytest.raises(OSError, match="not a host name"):
        run(system_lookup("x" * 70))
