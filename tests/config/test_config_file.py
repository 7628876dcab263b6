"""Reading ``warmup.toml``."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.config import Config, find_config
from warmup.errors import ConfigError, Problem
from warmup.model import Declaration, EgressSource, OnUnknown, RampClock
from warmup.timing import DAY, HOUR, MINUTE

SMALL = """\
[plan]
target = 1000
start = 2026-12-01

[sources."192.0.2.1"]
ehlo = "mx1.example.com"
"""

FULL = """\
[warmup]
database = "sqlite:///queue/warmup.db"
node = "mx1"
state_dir = "/var/lib/warmup-witness"
seed = "s"
[clock]
kind = "scaled"
start = 2026-12-01T00:00:00Z
speed = 3600
[plan]
target = 50_000
curve = "geometric:start=50,growth=1.3"
start = 2026-12-01
days = 30
timezone = "Europe/Berlin"
pattern = [0,0,0,0,0,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]
weekdays = [1, 1, 1, 1, 1, 0.5, 0.1]
ramp = "sending-day"
[plan.mix]
google = 0.5
yahoo = 0.3
other = 0.2
[sources."192.0.2.1"]
ehlo = "MX1.example.com"
pool = "warm"
share = 30_000
step = 7
[sources."2001:DB8::1"]
ehlo = "mx2.example.com"
start = 2026-12-05
[streams.bulk]
priority = 9
pool = "warm"
deadline = "3d"
on_unknown = "hold"
long_lines = true
[delivery]
transport = "mx"
tls = "verify"
connections = 7
[delivery.routes]
"*" = "smarthost.example:587"
"Example.com" = "127.0.1.1:2525"
".test" = "[::1]:25"
[retry]
first = "15min"
factor = 3
longest = "2h"
lifetime = "2d"
greylist = "5min"
pin = "12h"
[providers.acme]
domains = ["acme.test"]
mx = ["*.mx.acme.test"]
connections = 2
messages_per_connection = 10
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "warmup.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(folder: Path, text: str | bytes) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        Config.from_file(write(folder, text))
    assert caught.value.exit_code == 78
    return list(caught.value.problems)


def with_lines(*lines: str, below: str = "[plan]") -> str:
    """The small file with lines put in below a header."""
    return SMALL.replace(below, "\n".join((below, *lines)))


class TestWhatIsRead:
    def test_small(self, tmp_path: Path) -> None:
        """Three keys and one address are a configuration; the rest has sensible values."""
        config = Config.from_file(write(tmp_path, SMALL))
        assert config.sources == (EgressSource(address="192.0.2.1", ehlo="mx1.example.com"),)
        assert config.database == f"sqlite:///{tmp_path}/warmup.db"
        assert (config.plan.curve.name, config.plan.days, config.plan.zone) == ("ses", 45, "UTC")
        assert config.ramp is RampClock.HEALTH
        assert set(config.streams) == {"default"}
        assert config.node
        assert config.path == tmp_path / "warmup.toml"

    def test_full(self, tmp_path: Path) -> None:
        """Every key of the file arrives where the program looks for it."""
        config = Config.from_file(write(tmp_path, FULL))
        assert config.database == f"sqlite:///{tmp_path}/queue/warmup.db"
        assert (config.node, config.seed, config.state_dir) == ("mx1", "s", Path("/var/lib/warmup-witness"))
        assert config.clock.make().kind == "scaled"
        assert config.clock.start == 1_796_083_200_000_000
        plan = config.plan
        assert (plan.target, plan.days, plan.zone) == (50_000, 30, "Europe/Berlin")
        assert [str(weight) for weight in plan.weekdays] == ["1"] * 5 + ["1/2", "1/10"]
        assert plan.providers == ("google", "yahoo", "other")
        assert [(s.address, s.start, s.share) for s in plan.sources] == [
            ("192.0.2.1", date(2026, 12, 1), 30_000),
            ("2001:db8::1", date(2026, 12, 5), 20_000),
        ]
        assert config.declarations == {"192.0.2.1": Declaration(step=7)}
        assert config.sources[0] == EgressSource(address="192.0.2.1", ehlo="mx1.example.com", pool="warm")
        bulk = config.streams["bulk"]
        assert (bulk.priority, bulk.pool, bulk.deadline) == (9, "warm", 3 * DAY)
        assert (bulk.on_unknown, bulk.long_lines) == (OnUnknown.HOLD, True)
        assert (config.delivery.tls, config.delivery.connections) == ("verify", 7)
        assert config.delivery.routes == {
            "*": "smarthost.example:587",
            "example.com": "127.0.1.1:2525",
            ".test": "[::1]:25",
        }
        retry = config.retry
        assert (retry.first, retry.factor, retry.longest) == (15 * MINUTE, 3, 2 * HOUR)
        assert (retry.lifetime, retry.greylist, retry.pin) == (2 * DAY, 5 * MINUTE, 12 * HOUR)
        assert config.providers["acme"] == {
            "domains": ("acme.test",),
            "mx": ("*.mx.acme.test",),
            "connections": 2,
            "messages_per_connection": 10,
        }

    def test_bom_and_crlf(self, tmp_path: Path) -> None:
        """A file saved by a Windows editor reads like any other."""
        text = b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode()
        assert Config.from_file(write(tmp_path, text)).plan.target == 1000

    def test_same_from_json(self, tmp_path: Path) -> None:
        """Parsed JSON, where dates are text, gives the same configuration."""
        tables = json.loads(json.dumps(tomllib.loads(FULL), default=lambda value: value.isoformat()))
        assert Config.from_dict(tables, base=tmp_path).plan == Config.from_file(write(tmp_path, FULL)).plan

    def test_curve_file_is_relative_to_the_config(self, tmp_path: Path) -> None:
        """A table of one's own is found beside the file that names it, wherever one stands."""
        (tmp_path / "caps.csv").write_text("50\n100\n")
        config = Config.from_file(write(tmp_path, with_lines('curve = "table:caps.csv"')))
        assert [config.plan.curve.cap(step, 1000) for step in (1, 2, 3)] == [50, 100, 100]

    @pytest.mark.parametrize(
        "url", ["postgresql://u@h/db", "postgres://u@h/db", "postgresql+psycopg://u@h/db"]
    )
    def test_postgres(self, tmp_path: Path, url: str) -> None:
        """A PostgreSQL address works in each of the spellings people copy from elsewhere."""
        text = f'[warmup]\ndatabase = "{url}"\n' + SMALL
        assert Config.from_file(write(tmp_path, text)).database == "postgresql+psycopg://u@h/db"


class TestMistakes:
    def test_all_at_once_on_their_lines(self, tmp_path: Path) -> None:
        """Mistakes in several tables come together, in the order of the file, each with its line."""
        text = """\
[plan]
tarjet = 5
start = 2026-12-01
curve = "sess"
mix = { google = 0.5, yahoo = 0.6 }
weekdays = [1, 2,
  3]  # three
timezone = "Europe/Berln"
[sources."192.168.1.010"]
ehlo = "localhost"
[streams."bulk"]
priority = 12
pool = "nope"
[retry]
factor = "2"
"""
        found = problems(tmp_path, text)
        assert [(p.place.rpartition(":")[2], p.field) for p in found] == [
            ("1", "plan.target"),
            ("2", "plan.tarjet"),
            ("4", "plan.curve"),
            ("5", "plan.mix"),
            ("6", "plan.weekdays"),
            ("8", "plan.timezone"),
            ("9", 'sources."192.168.1.010"'),
            ("10", 'sources."192.168.1.010".ehlo'),
            ("12", "streams.bulk.priority"),
            ("15", "retry.factor"),
        ]
        assert all(p.place.startswith(str(tmp_path)) for p in found)
        assert all(p.mend for p in found)

    @pytest.mark.parametrize(
        ("line", "field", "wrong", "mend"),
        [
            ("curv = 1", "plan.curv", "is not a key", '"curve"'),
            ('priority = "x"', "plan.priority", "is not a key", "belongs in [streams]"),
            ("days = 45.0", "plan.days", "not a number with a fraction", "write 45"),
            ("days = true", "plan.days", "not a boolean", ""),
            ('days = "45"', "plan.days", "not text", "without quotes"),
            ("days = 0", "plan.days", "out of range", "from 1 to 3650"),
            ("curve = 5", "plan.curve", "must be text", "quotes"),
            ('curve = "${CURVE}"', "plan.curve", "environment", "the value itself"),
            ('timezone = "+25:00"', "plan.timezone", "no time zone", ""),
            ('pattern = "ofice"', "plan.pattern", "ofice", "office"),
            ('ramp = "earnt"', "plan.ramp", "earnt", '"earned"'),
            ('mix = { google = "0.5" }', "plan.mix", "text", "without quotes"),
            ("mix = { google = 0.5, yahoo = -0.5 }", "plan.mix.yahoo", "not a number of 0", ""),
            ("mix = { google = 0.5, yahoo = 0.3 }", "plan.mix", "sum to 0.8", "sum to 1"),
            ("weekdays = [0,0,0,0,0,0,0]", "plan.weekdays", "no day", "above 0"),
            ('weekdays = "1111111"', "plan.weekdays", "array", "seven"),
        ],
    )
    def test_plan(self, tmp_path: Path, line: str, field: str, wrong: str, mend: str) -> None:
        """Each mistake in [plan] names its key, what is wrong and what to write."""
        (found,) = problems(tmp_path, with_lines(line))
        assert (found.field, found.place) == (field, f"{tmp_path}/warmup.toml:2")
        assert wrong in found.wrong
        assert mend in found.mend

    @pytest.mark.parametrize(
        ("start", "wrong"),
        [
            ("2026-12-01T00:00:00Z", "an instant"),
            ('"2026-13-01"', "not a calendar date"),
            ('"20261201"', "not a calendar date"),
            ('"2026-W49-2"', "not a calendar date"),
            ("20261201", "must be a date"),
            ("0099-01-01", "year"),
        ],
    )
    def test_dates(self, tmp_path: Path, start: str, wrong: str) -> None:
        """A first day that could be misread is refused."""
        (found,) = problems(tmp_path, SMALL.replace("2026-12-01", start))
        assert found.field == "plan.start"
        assert wrong in found.wrong

    @pytest.mark.parametrize(
        ("address", "mend"),
        [
            ("192.168.1.010", "192.168.1.10"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("fe80::1%eth0", "without %"),
            ("192.0.2.0/24", "one by one"),
            ("mx1.example.com", "192.0.2.1"),
            ("0.0.0.0", "host's own"),
            ("224.0.0.1", "host's own"),
            ("1.2.3", ""),
        ],
    )
    def test_addresses(self, tmp_path: Path, address: str, mend: str) -> None:
        """Notations in which one address could pass for two, and what is no address, are refused."""
        (found,) = problems(tmp_path, SMALL.replace("192.0.2.1", address))
        assert found.field == f'sources."{address}"'
        assert mend in found.mend

    def test_address_without_quotes(self, tmp_path: Path) -> None:
        """TOML reads [sources.192.0.2.1] as four tables in one another; the mend is a pair of quotes."""
        (found,) = problems(tmp_path, SMALL.replace('"192.0.2.1"', "192.0.2.1"))
        assert found.mend == 'put the address in quotes: [sources."192.0.2.1"]'

    def test_one_address_twice(self, tmp_path: Path) -> None:
        """Two spellings of an address are one source, and that is said on the second's line."""
        text = SMALL.replace("192.0.2.1", "2001:DB8::1") + '[sources."2001:db8:0::1"]\nehlo = "a.example"\n'
        (found,) = problems(tmp_path, text)
        assert found.place.endswith(":7")
        assert 'same as sources."2001:DB8::1"' in found.wrong

    @pytest.mark.parametrize(
        ("lines", "field"),
        [
            (["warm = true", "step = 7"], "step"),
            (["step = 7", "volume = 9"], "volume"),
            (["step = 0"], "step"),
            (["share = 999"], "share"),
            (["share = 1001"], "share"),
            (["start = 2026-11-30"], "start"),
            (["pool = 'A B'"], "pool"),
        ],
    )
    def test_sources(self, tmp_path: Path, lines: list[str], field: str) -> None:
        """What is said of an address has to fit together, and to fit the plan."""
        found = problems(tmp_path, with_lines(*lines, below='[sources."192.0.2.1"]'))
        assert f'sources."192.0.2.1".{field}' in [p.field for p in found] or found[0].field == "plan.target"
        assert len(found) == 1

    @pytest.mark.parametrize(
        ("text", "field"),
        [
            ("[warmup]\ndatabase = 'warmup.db'", "warmup.database"),
            ("[warmup]\ndatabase = 'sqlite://'", "warmup.database"),
            ("[warmup]\ndatabase = 'sqlite:///:memory:'", "warmup.database"),
            ("[warmup]\ndatabase = 'mysql://u:secret@h/d'", "warmup.database"),
            ("[warmup]\ndatabase = 'postgresql://h'", "warmup.database"),
            ("[warmup]\ndatabase = 'postgresql://h:x/d'", "warmup.database"),
            ("[warmup]\nstate_dir = 'below'", "warmup.state_dir"),
            ("[warmup]\nstate_dir = '~nobody-at-all/x'", "warmup.state_dir"),
            ("[warmup]\ndatabase = 'sqlite:///~nobody-at-all/x'", "warmup.database"),
            ("[warmup]\nnode = ''", "warmup.node"),
            ("[clock]\nkind = 'scaled'\nspeed = 5", "clock.start"),
            ("[clock]\nkind = 'scaled'\nspeed = 5\nstart = 2026-12-01T00:00:00", "clock.start"),
            ("[clock]\nspeed = 5", "clock.speed"),
            ("[delivery]\ntransport = 'file'", "delivery.folder"),
            ("[delivery]\nfolder = 'out'", "delivery.folder"),
            ("[delivery]\ntls = 'maybe'", "delivery.tls"),
            ("[delivery.routes]\n'*' = 'host'", 'delivery.routes."*"'),
            ("[delivery.routes]\n'*' = 'host:99999'", 'delivery.routes."*"'),
            ("[delivery.routes]\n'*' = '[1.2.3.4]:25'", 'delivery.routes."*"'),
            ("[delivery.routes]\n'*' = '1.2.3.400:25'", 'delivery.routes."*"'),
            ("[delivery.routes]\n'*.test' = 'host:25'", 'delivery.routes."*.test"'),
            ("[retry]\nfirst = 30", "retry.first"),
            ("[retry]\nfirst = '30 minutes'", "retry.first"),
            ("[retry]\nfirst = '5h'", "retry.longest"),
            ("[streams.bulk]\npool = 'nope'", "streams.bulk.pool"),
            ("[streams.Bulk]\npriority = 1", "streams.Bulk"),
            ("[streams]\nbulk = 5", "streams.bulk"),
            ("[providers.acme]\ndomains = 'acme.test'", "providers.acme.domains"),
            ("[providers.a]\nmx = ['m.test']\n[providers.b]\nmx = ['m.test']", "providers.b.mx"),
            ("[providers.other]\ndomains = ['a.test']", "providers.other.domains"),
            ("[providers.acme]\nmx = ['a b']", "providers.acme.mx"),
            ("[stream.bulk]\npriority = 1", "stream"),
        ],
    )
    def test_other_tables(self, tmp_path: Path, text: str, field: str) -> None:
        """The other tables are as strict, and one mistake is one problem."""
        (found,) = problems(tmp_path, SMALL + text + "\n")
        assert found.field == field
        assert "secret" not in str(found)

    def test_nothing_there(self, tmp_path: Path) -> None:
        """An empty file is told what the least is."""
        assert {p.field for p in problems(tmp_path, "")} == {"plan.target", "plan.start", "sources"}

    def test_curve_that_falls(self, tmp_path: Path) -> None:
        """A table whose figures fall is refused, and the day is named."""
        (tmp_path / "caps.csv").write_text("50\n100\n90\n")
        (found,) = problems(tmp_path, with_lines('curve = "caps.csv"'))
        assert found.field.startswith("plan.curve")
        assert "3" in found.wrong


class TestFiles:
    def test_syntax(self, tmp_path: Path) -> None:
        """A slip in the syntax is told with line and column."""
        (found,) = problems(tmp_path, "[plan]\ntarget = = 5\n")
        assert found.place == f"{tmp_path}/warmup.toml:2:10"
        (found,) = problems(tmp_path, "[plan]\ntarget = [1,")
        assert found.place.startswith(f"{tmp_path}/warmup.toml")

    @pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000 + "]" * 5000])
    def test_monsters(self, tmp_path: Path, value: str) -> None:
        """A file made to break the parser is a mistake like any other."""
        (found,) = problems(tmp_path, f"a = {value}")
        assert "not TOML" in found.wrong

    def test_latin_1(self, tmp_path: Path) -> None:
        """A file in another encoding is told so, with the line."""
        (found,) = problems(tmp_path, b"[plan]\n# \xe9\n")
        assert found.place.endswith("warmup.toml:2")
        assert "UTF-8" in found.wrong

    def test_too_large(self, tmp_path: Path) -> None:
        """Something huge, named by mistake, is not read into memory."""
        (found,) = problems(tmp_path, b"#" * (1 << 20) + b"\n")
        assert "1 MiB" in found.wrong

    def test_missing_and_folder(self, tmp_path: Path) -> None:
        """A file that is not there, or is a folder, is an answer and no traceback."""
        for path, word in ((tmp_path / "no.toml", "no such file"), (tmp_path, "cannot be read")):
            with pytest.raises(ConfigError, match=word):
                Config.from_file(path)

    def test_control_characters_are_shown(self, tmp_path: Path) -> None:
        """A value made to act on the terminal does not act when the mistake is told."""
        (found,) = problems(tmp_path, with_lines(r'timezone = "\u001b[2J"'))
        assert "\x1b" not in str(found)

    def test_find(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The file named wins over $WARMUP_CONFIG, and that over the working directory."""
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match="warmup init"):
            find_config()
        write(tmp_path, SMALL)
        assert find_config() == Path("warmup.toml")
        monkeypatch.setenv("WARMUP_CONFIG", "/elsewhere.toml")
        assert find_config() == Path("/elsewhere.toml")
        assert find_config("given.toml") == Path("given.toml")


def test_in_code_is_held_to_the_same(tmp_path: Path) -> None:
    """A configuration built in code is checked like a file, and its mistakes also come together."""
    import attrs

    good: Any = Config.from_file(write(tmp_path, SMALL))
    with pytest.raises(ConfigError) as caught:
        attrs.evolve(
            good,
            sources=(EgressSource(address="192.0.2.01", ehlo="x"),),
            declarations={"192.0.2.9": Declaration(warm=True)},
            streams={"bulk": attrs.evolve(good.streams["default"], priority=10, deadline=0)},
            retry=attrs.evolve(good.retry, first=-1),
            database="warmup.db",
            delivery=attrs.evolve(good.delivery, transport="pigeon", routes={"*": "x"}),
            providers={"acme": {"domain": ["x"]}},
        )
    fields = {problem.field for problem in caught.value.problems}
    assert fields >= {
        "sources",
        'sources."192.0.2.01"',
        'sources."192.0.2.01".ehlo',
        'sources."192.0.2.9"',
        "streams.bulk",
        "streams.bulk.priority",
        "streams.bulk.deadline",
        "retry.first",
        "warmup.database",
        "delivery.transport",
        'delivery.routes."*"',
        "providers.acme.domain",
    }


KEYS = sorted({key for table in tomllib.loads(FULL).values() for key in table} | {"google", "*", "x"})
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**30),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["ses", "earned", "mx", "file", "3d", "2026-12-01", "192.0.2.1", "mx1.example.com", "~x/y"]
    ),
    st.dates(),
)
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
)


@given(st.data())
def test_anything_is_a_configuration_or_a_config_error(data: st.DataObject) -> None:
    """Whatever a parser gives, the answer is a configuration or a list of mistakes, never a crash."""
    tables = tomllib.loads(FULL)
    for _ in range(data.draw(st.integers(1, 3))):
        section = data.draw(st.sampled_from(sorted(tables)))
        if isinstance(tables[section], dict) and data.draw(st.booleans()):
            key = data.draw(st.sampled_from([*tables[section], "x"]))
            tables[section][key] = data.draw(NESTED)
        else:
            tables[section] = data.draw(NESTED)
    try:
        Config.from_dict(tables)
    except ConfigError as error:
        assert error.problems
        assert all(problem.field and problem.wrong for problem in error.problems)
