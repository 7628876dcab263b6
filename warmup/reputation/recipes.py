"""What providers ask for by way of connections, and how a lane comes back from it.

Theory of operation. Some refusals say how a sender shall come back, beside for how long it shall be
silent: with one connection, then one more at a time. Where that is published it is a recipe here, with
its source; where it is not, there is none. Its numbers are kept with what the lane learned, so
that a restart forgets nothing.

1. A reply that a recipe knows: silence as long as it says, and after that one connection.
2. What goes first after *any* silence that a provider asked for is one delivery. Google asks for that;
   elsewhere it is our own caution: a provider that is still of its opinion is asked once, not by
   everything that has piled up. Where no recipe wants more, its acceptance ends the matter.
3. A stretch begins with an acceptance. At the end of a clean one there is a connection more, until there
   are as many as usual. Another refusal ends the stretch; one that the recipe knows begins all of it anew.

A delivery needs a connection, and a connection carries one delivery at a time: that many deliveries
are under way at most, over all workers and relays, and no more connections than that are kept open.
"""

from __future__ import annotations

import attrs

from warmup.model.lane import Learned
from warmup.timing import HOUR, MINUTE, Instant, Span

__all__ = ["RECIPES", "STRETCH", "Recipe", "asked", "recipe_for", "spoiled", "told", "went_well"]

STRETCH: Span = 10 * MINUTE
"""How long each further connection is tried before the next one. Google says *one at a time* and not how
soon: ours is as long as the silence it asks for."""

_KUMOMTA = "https://github.com/KumoCorp/kumomta/blob/main/assets/community/shaping.toml"


@attrs.frozen(kw_only=True)
class Recipe:
    """What one kind of refusal asks for.

    Attributes:
        name: Stable, for the ledger and for people.
        providers: Ids of the providers that are meant.
        rules: Ids of the reply rules that recognise the refusal.
        silence: No mail for so long, microseconds; 0: it asks for none.
        first: How long there is one connection, counted from its first acceptance, microseconds.
        source: Where it is published.
    """

    name: str
    providers: frozenset[str]
    rules: frozenset[str]
    silence: Span = 0
    first: Span = STRETCH
    source: str


RECIPES = (
    Recipe(
        name="gmail-unusual-rate",
        providers=frozenset({"google"}),
        rules=frozenset({"google-unusual-rate", "google-unusual-rate-domain"}),
        silence=10 * MINUTE,
        source="https://support.google.com/a/answer/81126",
    ),
    Recipe(
        name="outlook-connections",
        providers=frozenset({"microsoft_consumer", "microsoft365"}),
        rules=frozenset({"outlook-connections", "too-many-connections"}),
        first=HOUR,
        source=_KUMOMTA,
    ),
    Recipe(
        name="gmx-connections",
        providers=frozenset({"gmx"}),
        rules=frozenset({"too-many-connections"}),
        first=30 * MINUTE,
        source=_KUMOMTA,
    ),
    Recipe(
        name="orange-connections",
        providers=frozenset({"orange"}),
        rules=frozenset({"too-many-connections"}),
        first=HOUR,
        source=_KUMOMTA,
    ),
    Recipe(
        name="netease-connections",
        providers=frozenset({"netease"}),
        rules=frozenset({"too-many-connections", "netease-concurrency"}),
        first=HOUR,
        source=_KUMOMTA,
    ),
)
"""All recipes. KumoMTA's file asks for one connection for so long after two such replies within an hour; here
the first one counts, since there is no other way to read it."""

_BY_NAME = {recipe.name: recipe for recipe in RECIPES}


def recipe_for(provider: str, rule: str) -> Recipe | None:
    """The recipe for a refusal that a rule recognised; None where nothing is published."""
    return next((one for one in RECIPES if provider in one.providers and rule in one.rules), None)


def asked(learned: Learned, recipe: Recipe | None) -> Learned:
    """What a lane remembers once its provider asked for silence, or for fewer connections.

    Args:
        learned: What it knew.
        recipe: What was asked for; None: silence alone, by whatever rule. A recipe that is being
            followed goes on.
    """
    name = learned.recipe if recipe is None else recipe.name
    return attrs.evolve(learned, connections=1, stretch_from=0, recipe=name)


def spoiled(learned: Learned) -> Learned:
    """What it remembers after a refusal that no recipe knows: the stretch was no clean one."""
    return attrs.evolve(learned, stretch_from=0) if learned.connections else learned


def went_well(learned: Learned, now: Instant, usual: int) -> Learned:
    """What it remembers after an acceptance.

    Args:
        learned: What it knew.
        now: When it was accepted.
        usual: Connections that a lane to this provider may hold in good times.
    """
    if not learned.connections:
        return learned
    recipe = _BY_NAME.get(learned.recipe)
    if recipe is None:
        return _over(learned)
    if not learned.stretch_from:
        return attrs.evolve(learned, stretch_from=now)
    if now - learned.stretch_from < (recipe.first if learned.connections == 1 else STRETCH):
        return learned
    more = learned.connections + 1
    if more >= usual:
        return _over(learned)
    return attrs.evolve(learned, connections=more, stretch_from=now)


def _over(learned: Learned) -> Learned:
    return attrs.evolve(learned, connections=0, stretch_from=0, recipe="")


def told(learned: Learned) -> str:
    """How many connections there may be and why, in words; empty where there are as many as usual."""
    if not learned.connections:
        return ""
    recipe = _BY_NAME.get(learned.recipe)
    if recipe is None:
        return "one delivery goes first, to see whether the provider takes mail again"
    number = "one connection" if learned.connections == 1 else f"{learned.connections} connections"
    return f"at most {number} at once, one more after each clean stretch ({recipe.name}: {recipe.source})"
