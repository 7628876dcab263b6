"""Which provider a domain and its MX belong to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.errors import ConfigError
from warmup.model import LaneLimits
from warmup.providers import Directory

DIRECTORY = Directory.default()


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("gmail-smtp-in.l.google.com", "google"),
        ("aspmx.l.google.com.", "google"),
        ("ASPMX2.GOOGLEMAIL.COM", "google"),
        ("outlook-com.olc.protection.outlook.com", "microsoft_consumer"),
        ("example-com.mail.protection.outlook.com", "microsoft365"),
        ("contoso-com.v-v1.mx.microsoft", "microsoft365"),
        ("mta5.am0.yahoodns.net", "yahoo"),
        ("mx-att.mail.am0.yahoodns.net", "yahoo"),
        ("mx01.mail.icloud.com", "apple"),
        ("mx00.gmx.net", "gmx"),
        ("mfsmax.docomo.ne.jp", "docomo"),
        ("mx.mfsmax.docomo.ne.jp", None),
        ("mx.evilyahoodns.net", None),
        ("yahoodns.net.example.com", None),
        ("mail.example.com", None),
        ("outlook.com", None),
        ("", None),
        (".", None),
    ],
)
def test_by_mx(host: str, provider: str | None) -> None:
    """The longest suffix on a label boundary decides; a look-alike name is nobody's."""
    assert DIRECTORY.by_mx([host]) == provider


@pytest.mark.parametrize(
    ("host", "provider", "kind"),
    [
        ("mxa-00123.gslb.pphosted.com", "proofpoint", "gateway"),
        ("eu-smtp-inbound-1.mimecast.com", "mimecast", "gateway"),
        ("d12345a.ess.barracudanetworks.com", "barracuda", "gateway"),
        ("mx1.hc123.iphmx.com", "cisco", "gateway"),
        ("cluster5.eu.messagelabs.com", "broadcom", "gateway"),
    ],
)
def test_gateways_are_providers(host: str, provider: str, kind: str) -> None:
    """A filter in front of somebody else's mailboxes is the provider: it counts and it answers."""
    assert DIRECTORY.by_mx([host]) == provider
    assert DIRECTORY.providers[provider].kind == kind


def test_every_shipped_name_leads_to_its_provider() -> None:
    """All domains and MX suffixes of the data are found, whatever their case."""
    for provider in DIRECTORY.providers.values():
        assert all(DIRECTORY.by_domain(domain) == provider.id for domain in provider.domains)
        for pattern in provider.mx:
            host = f"x1.{pattern[2:]}" if pattern.startswith("*.") else pattern
            assert DIRECTORY.by_mx([host.upper() + "."]) == provider.id


def test_companies_count_against_their_host() -> None:
    """A company's domain is its host's by MX, though by its name it is nobody's; a null MX is nobody's."""
    assert DIRECTORY.by_domain("company.example") is None
    assert DIRECTORY.by_mx(["aspmx.l.google.com", "alt1.aspmx.l.google.com"]) == "google"
    assert DIRECTORY.by_mx(["company-example.mail.protection.outlook.com"]) == "microsoft365"
    assert DIRECTORY.by_mx(["."]) is None


def test_several_hosts() -> None:
    """Most of the hosts decide, whatever their order; one unknown backup changes nothing."""
    hosts = ["alt1.aspmx.l.google.com", "aspmx.l.google.com", "backup.example.net", "mx.yandex.net"]
    assert DIRECTORY.by_mx(hosts) == DIRECTORY.by_mx(hosts[::-1]) == "google"
    assert DIRECTORY.by_mx([]) is None


def test_by_domain() -> None:
    """A provider's own domains are known without DNS; others are nobody's."""
    known = {
        "gmail.com": "google",
        "hotmail.co.uk": "microsoft_consumer",
        "web.de": "gmx",
        "aol.com": "yahoo",
    }
    assert {domain: DIRECTORY.by_domain(domain) for domain in known} == known
    assert DIRECTORY.by_domain("example.com") is None
    assert DIRECTORY.by_domain("mail.gmail.com") is None


def test_common_names() -> None:
    """People's names for a provider lead to its id."""
    names = {
        "gmail": "google",
        "microsoft": "microsoft_consumer",
        "aol": "yahoo",
        "office365": "microsoft365",
    }
    assert {name: DIRECTORY.resolve(name) for name in names} == names
    assert "gmail" in DIRECTORY
    assert "nobody" not in DIRECTORY
    assert set(DIRECTORY.aliases.values()) <= DIRECTORY.providers.keys()
    assert not DIRECTORY.aliases.keys() & DIRECTORY.providers.keys()


def test_data_is_sound() -> None:
    """Every domain and every MX belongs to one provider, and the data holds what its readers expect."""
    providers = DIRECTORY.providers.values()
    for names in ([x for p in providers for x in p.domains], [x for p in providers for x in p.mx]):
        assert len(names) == len(set(names))
        assert all(name == name.lower() and not name.endswith(".") for name in names)
    assert len(DIRECTORY.providers) >= 90
    for provider in providers:
        assert provider.domains or provider.mx or provider.id == "sky"
        assert provider.sources or not (provider.connections and not provider.limits_source)


def test_limits() -> None:
    """A provider's own limits hold where a source names them, careful ones elsewhere."""
    assert DIRECTORY.limits("orange").connections == 2
    assert DIRECTORY.limits("gmail") == LaneLimits(connections=5, messages_per_connection=50)
    assert DIRECTORY.limits("nobody") == LaneLimits()


@pytest.mark.parametrize(
    ("domain", "mx", "site"),
    [
        ("example.com", [], "example.com"),
        ("example.com", ["MX.example.com."], "mx.example.com"),
        ("example.com", ["mx2.example.com", "mx1.example.com"], "(mx1|mx2).example.com"),
        ("example.com", ["example.com", "mx.example.com"], "(example|mx.example).com"),
        ("example.com", ["a.test", "b.example"], "(a.test|b.example)"),
    ],
)
def test_site(domain: str, mx: list[str], site: str) -> None:
    """A site is its sorted MX set, folded; the domain where there is none."""
    assert DIRECTORY.site(domain, mx) == site


@given(st.lists(st.from_regex(r"[a-z]{1,30}(\.[a-z]{1,30}){1,4}", fullmatch=True), min_size=1, max_size=8))
def test_site_of_any_hosts(mx: list[str]) -> None:
    """A site's name does not depend on order and is never long; different sets never share one."""
    site = DIRECTORY.site("example.com", mx)
    assert site == DIRECTORY.site("example.org", mx[::-1])
    assert len(site) <= 200
    assert site != DIRECTORY.site("example.com", [*mx, "one.more.test"])


def test_own_providers() -> None:
    """An operator adds providers, moves domains to them, and sets limits; the default stays as it is."""
    directory = DIRECTORY.extended(
        {
            "acme": {"domains": ["Acme.test", "gmail.com"], "mx": ["*.acme.test", "mx.acme.example"]},
            "gmail": {"connections": 2},
            "other": {"messages_per_connection": 1},
        }
    )
    assert directory.by_domain("acme.test") == directory.by_domain("gmail.com") == "acme"
    assert directory.by_mx(["in.acme.test"]) == directory.by_mx(["mx.acme.example"]) == "acme"
    assert directory.by_mx(["not.mx.acme.example"]) is None
    assert directory.by_domain("googlemail.com") == "google"
    assert directory.limits("google") == LaneLimits(connections=2, messages_per_connection=50)
    assert directory.limits("other").messages_per_connection == 1
    assert DIRECTORY.by_domain("gmail.com") == "google"
    assert DIRECTORY.limits("google").connections == 5


def test_every_mistake_in_own_providers() -> None:
    """All mistakes are listed at once, each with its path and the mend."""
    with pytest.raises(ConfigError) as caught:
        DIRECTORY.extended(
            {
                "Acme Inc": {},
                "a": {"domain": ["x.test"], "domains": "x.test", "mx": ["*", "a b", 3]},
                "b": {"connections": 0, "messages_per_connection": True, "kind": "bank", "name": 1},
                "other": {"domains": ["x.test"]},
                "c": 5,  # type: ignore[dict-item]
            }
        )
    fields = [problem.field for problem in caught.value.problems]
    assert fields == [
        "providers.Acme Inc",
        "providers.a.domain",
        "providers.a.domains",
        *["providers.a.mx"] * 3,
        "providers.b.connections",
        "providers.b.messages_per_connection",
        "providers.b.kind",
        "providers.b.name",
        "providers.other.domains",
        "providers.c",
    ]
    assert all(problem.mend for problem in caught.value.problems)
