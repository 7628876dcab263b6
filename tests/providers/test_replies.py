"""What replies mean. The texts are in the words that servers are known to use."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.model import Category, Outcome, Reaction, Reply, Scope, Stage, Verdict
from warmup.model.reply import REPLY_TEXT_MAX
from warmup.providers import Classifier, Directory, classify, parse_reply
from warmup.providers.reading import fold
from warmup.providers.replies import rules
from warmup.providers.rules import FINDINGS, Rule
from warmup.timing import HOUR, MINUTE


def said(text: str, provider: str = "other", stage: Stage = Stage.RCPT) -> Verdict:
    return classify(provider, parse_reply(int(text[:3]), text[4:]), stage)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_every_rule_decides_its_example(rule: Rule) -> None:
    """Each rule is reachable: its own example is decided by it and by none before it."""
    provider = min(rule.providers, default="other")
    stage = min(rule.stages, default=Stage.RCPT)
    verdict = said(rule.example, provider, stage)
    assert verdict.rule == rule.id
    assert verdict.category == rule.category


def test_rules_are_sound() -> None:
    """Rules have distinct ids, known providers, a source, and phrases that can occur in masked text."""
    assert len({rule.id for rule in rules()}) == len(rules())
    groups = {f"<{name}>" for name in Classifier.default().groups}
    for rule in rules():
        assert rule.source.startswith("http")
        assert all(provider in Directory.default().providers for provider in rule.providers)
        assert rule.finding in ("", *FINDINGS)
        assert rule.category == Category.AUTH_FAILURE or rule.finding in ("", "tls")
        for phrase in (*rule.text, *rule.without):
            assert phrase == fold(phrase)
            for part in (part for joined in phrase.split(" & ") for part in joined.split(" ~ ")):
                assert part.strip()
                assert part in groups or not any(group in part for group in groups), phrase


CASES = """\
accepted 250 2.0.0 OK
accepted 251 User not local; will forward
invalid_recipient 550 5.1.1 <x@y.test>: Recipient address rejected: User unknown in relay recipient table
invalid_recipient 550 No such person at this address
invalid_recipient 511 sorry, no mailbox here by that name (#5.1.1 - chkuser)
invalid_recipient 550 5.1.6 recipient no longer on server: x@y.test
invalid_recipient 550 This address no longer accepts mail.
invalid_recipient 550 Unbekannter Empfaenger
invalid_recipient 450 4.1.1 user unknown
invalid_recipient 556 5.1.10 example.com accepts no mail
mailbox_full 422 The recipient's mailbox is over its storage limit
mailbox_full 554 5.2.0 STOREDRV.Deliver.Exception:QuotaExceededException
mailbox_full 552 Postfach voll
greylist 451 Greylisted, please try again in 300 seconds
greylist 421 4.7.0 [GL01] Message from (192.0.2.1) temporarily deferred
greylist 451 4.7.1 Please try again later
rate_limited 421 Too many concurrent SMTP connections; please try again later.
rate_limited 421 4.7.0 Maximum number of connections from your host reached
rate_limited 452 4.5.3 Too many recipients
volume_limited 450 4.7.1 You've exceeded your sending limit to this domain
volume_limited 421 4.7.0 Too many messages, slow down
volume_limited 451 4.7.1 Rate limited, try later
ip_reputation_block 554 Your access was rejected due to the sending MTA's poor reputation.
ip_reputation_block 550 5.7.1 Mail from 192.0.2.1 has been blocked by our policy
ip_reputation_block 554 5.7.1 You are not allowed to connect.
ip_reputation_block 550 Your IP has been blacklisted
ip_reputation_block 550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.
blocklisted 554 5.7.1 Rejected: 192.0.2.1 listed at bl.spamcop.net
blocklisted 550 JunkMail rejected - [192.0.2.1]:25 is in an RBL, see http://www.example.org/
auth_failure 450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]
auth_failure 550 Sender verify failed
auth_failure 550 Domain of sender address x@y.test does not exist
auth_failure 550 5.7.1 SPF check: fail
auth_failure 554 5.7.5 Permanent error evaluating DMARC policy
spam_content 550 High probability of spam
spam_content 554 5.7.1 Message cannot be accepted, content filter rejection
spam_content 550 Your message was rejected because it contains a virus
policy 550 Administrative prohibition
policy 550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain
policy 553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
policy 550 5.7.1 Blocked by recipient policy
transient_infrastructure 451 4.3.2 Please try again later
transient_infrastructure 421 Service not available, closing transmission channel
transient_infrastructure 451 Temporary local problem - please try later
transient_infrastructure 554 5.7.1 Client host blocked using zen.spamhaus.org; Error: open resolver
transient_infrastructure 554 5.7.1 Client host blocked using dnsbl.example: 127.255.255.254
protocol 552 5.2.3 Message exceeds local size limit
protocol 554 5.4.14 Hop count exceeded - possible mail loop
protocol 504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname
protocol 554 5.6.0 Message contains bare LF
unknown_temporary 450 Bananas
unknown_permanent 550 Bananas
unknown_permanent 550 5.7.1 Bananas""".splitlines()


@pytest.mark.parametrize("case", CASES)
def test_families_of_words(case: str) -> None:
    """Common wordings are understood whoever says them."""
    category, _, text = case.partition(" ")
    assert said(text).category == category


SAME_WORDS = [
    ("apple", "451 4.7.1 Service unavailable - try again later", "transient_infrastructure"),
    ("other", "451 4.7.1 Service unavailable - try again later", "greylist"),
    ("microsoft365", "550 5.4.1 [x@y.test]: Recipient address rejected: Access denied", "invalid_recipient"),
    ("other", "550 5.7.1 <x@y.test>... Access denied", "policy"),
    ("google", "450 4.2.1 The user you are trying to contact is receiving email at a rate", "rate_limited"),
    ("google", "452 4.2.2 The recipient's inbox is out of storage space.", "mailbox_full"),
    ("gmx", "550 Requested action not taken: mailbox unavailable", "invalid_recipient"),
    (
        "gmx",
        "550 Requested action not taken: mailbox unavailable Reject due to policy restrictions.",
        "policy",
    ),
    ("google", "421 4.7.28 Gmail has detected an unusual rate of email", "volume_limited"),
    (
        "google",
        "421 4.7.28 exceeded the quota for sending messages that have the same Message-ID:",
        "protocol",
    ),
    ("orange", "550 Service refuse. Veuillez essayer plus tard.", "ip_reputation_block"),
    ("laposte", "421 4.2.1 Service refuse. Veuillez essayer plus tard.", "transient_infrastructure"),
]


@pytest.mark.parametrize(("provider", "text", "category"), SAME_WORDS)
def test_same_words_different_meaning(provider: str, text: str, category: str) -> None:
    """Words that mean different things at different providers, or beside other words, are told apart."""
    assert said(text, provider).category == category


def test_codes_that_one_provider_defines() -> None:
    """A code that a provider's own list explains is understood without its words, at that provider."""
    for provider, text, category in [
        ("google", "421 4.7.28 ...", "volume_limited"),
        ("google", "550 5.7.28 Blocked", "ip_reputation_block"),
        ("microsoft365", "550 5.7.511 No", "ip_reputation_block"),
        ("microsoft365", "550 5.7.708 No", "ip_reputation_block"),
        ("other", "421 4.7.28 ...", "transient_infrastructure"),
    ]:
        assert said(text, provider).category == category, text


def test_permanent_4yz() -> None:
    """Deferrals that their sender calls final, or that stay until DNS is mended, are rejections."""
    for provider, text in [
        ("yahoo", "421 4.7.1 [TS03] All messages from 192.0.2.1 permanently deferred"),
        ("google", "421 4.7.26 This email has been rate limited because it is unauthenticated."),
        ("google", "421 4.7.40 the sending domain doesn't have a DMARC record"),
    ]:
        verdict = said(text, provider)
        assert (verdict.outcome, verdict.reaction) == (Outcome.REJECTED, Reaction.STOP_PROVIDER)


def test_temporary_5yz() -> None:
    """Refusals that their sender calls temporary are tried again."""
    for provider, text in [
        ("qq", "550 Domain frequency limited."),
        ("orange", "550 Service refuse. Veuillez essayer plus tard. OFR006_103 [103]"),
        ("yahoo", "552 5.2.2 user is over quota"),
        ("other", "554 5.2.122 The recipient has exceeded their limit for the number of messages"),
        ("other", "550 temporary failure, please try again later"),
    ]:
        verdict = said(text, provider)
        assert verdict.outcome == Outcome.DEFERRED
        assert verdict.retry_after >= 10 * MINUTE


def test_end_of_a_connection_is_normal() -> None:
    """A connection that has carried its number of messages says nothing of reputation."""
    verdict = said(
        "421 Max message per connection reached, closing transmission channel", "yahoo", Stage.MAIL
    )
    assert (verdict.category, verdict.reaction) == (Category.RATE_LIMITED, Reaction.SLOW_PROVIDER)
    assert (verdict.outcome, verdict.pause) == (Outcome.DEFERRED, 0)


def test_pauses() -> None:
    """How long a provider wants silence: Gmail 10 minutes, Microsoft 30, Yahoo two hours, a block a day."""
    assert said("421 4.7.28 Gmail has detected an unusual rate of email", "google").pause == 10 * MINUTE
    assert said("451 4.7.650 rate limited due to IP reputation (S775)").pause == 30 * MINUTE
    assert said("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred").pause == 2 * HOUR
    assert said("554 5.7.1 [HM08] Message rejected due to local policy.").pause == 24 * HOUR


def test_scope_by_wording() -> None:
    """Whom a limit is about is read from the reply: the address, the domain, or the content."""
    scopes = {
        "originating from your IP address 192.0.2.1": Scope.IP,
        "originating from your DKIM domain example.com": Scope.DOMAIN,
        "containing one of your URL domains": Scope.CONTENT,
    }
    for words, scope in scopes.items():
        assert (
            said(f"421 4.7.28 Gmail has detected an unusual rate of email {words}", "google").scope == scope
        )


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        ("spf", "550 5.7.23 The message was rejected because of Sender Policy Framework violation"),
        ("dkim", "550 5.7.20 No passing DKIM signature found"),
        ("dmarc", "550 5.7.1 Email rejected per DMARC policy for example.com"),
        ("ptr", "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]"),
        ("helo", "450 4.7.1 <mail.local>: Helo command rejected: Host not found"),
        ("sender-domain", "450 4.1.8 <x@y.test>: Sender address rejected: Domain not found"),
        ("sender-domain", "550 5.7.27 Sender address has null MX"),
        ("unauthenticated", "550 5.7.26 This mail is unauthenticated"),
        ("tls", "530 5.7.0 Must issue a STARTTLS command first"),
        ("", "550 5.1.1 User unknown"),
        ("", "451 4.7.24 SPF TempError: DNS lookup failed"),
    ],
)
def test_findings(finding: str, text: str) -> None:
    """Trouble that is the sender's own to mend is named; trouble of their look-ups is none of ours."""
    verdict = said(text)
    assert verdict.finding == finding
    assert (verdict.category == Category.AUTH_FAILURE) == (finding not in ("", "tls"))


LANGUAGES = """\
invalid_recipient 550 Destinataire inconnu
invalid_recipient 550 Der Empf\u00e4nger existiert nicht
invalid_recipient 550 El buz\u00f3n no existe
invalid_recipient 550 Casella inesistente
invalid_recipient 550 Usu\u00e1rio inexistente
invalid_recipient 550 Konto nie istnieje
invalid_recipient 550 \u041d\u0435\u0442 \u0442\u0430\u043a\u043e\u0433\u043e \u044f\u0449\u0438\u043a\u0430
invalid_recipient 550 \u7528\u6237\u4e0d\u5b58\u5728
mailbox_full 552 Bo\u00eete du destinataire pleine
mailbox_full 552 Das Postfach ist \u00fcberf\u00fcllt
mailbox_full 552 Caixa cheia
mailbox_full 552 \u90ae\u7bb1\u5df2\u6ee1
rate_limited 421 Trop de connexions
greylist 451 Liste grise, r\u00e9essayez plus tard
volume_limited 421 Zu viele Nachrichten in zu kurzer Zeit
ip_reputation_block 554 Ihre IP-Adresse ist gesperrt
ip_reputation_block 554 Votre adresse IP est bloqu\u00e9e
spam_content 554 Nachricht als Spam eingestuft""".splitlines()


@pytest.mark.parametrize("case", LANGUAGES)
def test_languages(case: str) -> None:
    """Common refusals in other languages are understood, with and without their accents."""
    category, _, text = case.partition(" ")
    assert said(text).category == category


def test_silence() -> None:
    """Where a server said nothing, the delivery is deferred; after the dot nobody knows."""
    for stage in Stage:
        verdict = classify("google", Reply(0, text="connection lost"), stage)
        assert verdict.category == Category.TRANSIENT_INFRASTRUCTURE
        assert verdict.outcome == (Outcome.UNKNOWN if stage is Stage.DOT else Outcome.DEFERRED)
    assert classify("google", Reply(354), Stage.DOT).category == Category.PROTOCOL
    assert classify("google", Reply(999), Stage.RCPT).outcome == Outcome.DEFERRED


def test_stage_decides_where_words_do_not() -> None:
    """A bare 554 in place of a greeting is about the address, after RCPT it says nothing."""
    assert said("554 mx.example.com", stage=Stage.GREETING).category == Category.IP_REPUTATION_BLOCK
    assert said("554 mx.example.com").category == Category.UNKNOWN_PERMANENT


def test_names_in_a_reply_decide_nothing() -> None:
    """A recipient called `spam` or `greylist` is a name, not a meaning."""
    for name in ("greylist@spamhaus.test", "<spam@blocked.test>:", "[quota@full.test]:"):
        assert said(f"550 5.1.1 {name} User unknown").category == Category.INVALID_RECIPIENT


@pytest.mark.parametrize(
    ("code", "text", "reply"),
    [
        (550, "5.1.1 No such user", Reply(550, "5.1.1", "No such user")),
        (421, "4.7.28 One\n4.7.28 Two", Reply(421, "4.7.28", "One\nTwo")),
        (421, "421-4.7.28 One\r\n421 4.7.28 Two", Reply(421, "4.7.28", "One\nTwo")),
        (550, "5.1.1 One\n5.2.2 Two", Reply(550, "5.1.1", "One\n5.2.2 Two")),
        (450, "5.1.1 class differs", Reply(450, "", "5.1.1 class differs")),
        (421, "#4.4.5 Too many", Reply(421, "4.4.5", "Too many")),
        (553, "filtered. (#5.7.1)", Reply(553, "5.7.1", "filtered. (#5.7.1)")),
        (550, "5.39.22.1 is blocked", Reply(550, "", "5.39.22.1 is blocked")),
        (550, "5.1.1", Reply(550, "5.1.1", "")),
        (550, "5.1.1.", Reply(550, "", "5.1.1.")),
        (250, "2.0.0 OK", Reply(250, "2.0.0", "OK")),
        (0, "timed out", Reply(0, "", "timed out")),
        (550, "a\0b\x1b[2Jc\ud800", Reply(550, "", "a\ufffdb\ufffd[2Jc\ufffd")),
        (550, "", Reply(550)),
    ],
)
def test_parse_reply(code: int, text: str, reply: Reply) -> None:
    """Codes are taken off each line; what is kept is text that a database and a terminal can hold."""
    assert parse_reply(code, text) == reply


@given(
    st.sampled_from([0, 250, 354, 421, 450, 550, 554, 999]),
    st.text(max_size=200),
    st.sampled_from(list(Stage)),
)
def test_any_text_has_a_meaning(code: int, text: str, stage: Stage) -> None:
    """Whatever a server says, there is one verdict, the same each time, that agrees with itself."""
    reply = parse_reply(code, text)
    verdict = classify("google", reply, stage)
    assert verdict == classify("google", reply, stage)
    assert verdict.rule
    if verdict.reaction in (Reaction.DROP_MESSAGE, Reaction.DROP_RECIPIENT):
        assert verdict.outcome == Outcome.REJECTED
    if code == 250:
        assert verdict.outcome == Outcome.ACCEPTED


@pytest.mark.parametrize(
    "text", ["a" * 50_000, "@" * 9000, "1." * 9000, "[:" * 9000, "a@ " * 9000, "5.1.1\n" * 9000]
)
def test_hostile_text_is_bounded(text: str) -> None:
    """An endless reply is cut and read in milliseconds."""
    started = time.perf_counter()
    reply = parse_reply(550, text)
    classify("google", reply, Stage.DOT)
    assert time.perf_counter() - started < 0.5
    assert len(reply.text) <= REPLY_TEXT_MAX
