"""Whose turn is it? The order among one provider's credentials, made anew for each call.

Credentials that have a weight are drawn: the first of a call is one of them with the odds of the weights, the second
one of the rest by theirs, and so on, so that over many calls each gets its share, and what one fails to do is spread
over the others by their weights too. Those without a weight stay as the operator wrote them. Then those go to the end
whose provider said that nothing is left of their limits. The steps of an alias stay in their order.

One random number makes the whole order. Where it falls within the part of the one that was drawn is again uniform, and
no dependence on the draw is left in it; the orders of 16 credentials need 44 of its 53 bits.
"""

from collections.abc import Callable, Sequence

from keywright.pipeline.routes import Target


def in_turn(targets: Sequence[Target], now_s: float, random: Callable[[], float]) -> tuple[Target, ...]:
    """`targets` in the order in which they are tried. `now_s`: of ticks; `random` gives numbers in [0, 1)."""
    ordered: list[Target] = []
    start, count = 0, len(targets)
    while start < count:
        name, end = targets[start].name, start + 1
        while end < count and targets[end].name == name:
            end += 1
        if end == start + 1:
            ordered.append(targets[start])
        else:
            ordered += _step(list(targets[start:end]), now_s, random)
        start = end
    return tuple(ordered)


def _step(targets: list[Target], now_s: float, random: Callable[[], float]) -> list[Target]:
    """The credentials of one step."""
    if targets[0].source.weight is not None:
        targets = drawn(targets, random())
    for target in targets:
        if target.source.gauge.rests(now_s):
            return sorted(targets, key=lambda one: one.source.gauge.rests(now_s))
    return targets


def drawn(targets: list[Target], chance: float) -> list[Target]:
    """`targets`, each of which has a weight, in an order drawn by `chance` in [0, 1). Empties the list."""
    order: list[Target] = []
    weights = [target.source.weight or 1 for target in targets]
    total = sum(weights)
    while len(targets) > 1:
        at, index = chance * total, 0
        last = len(weights) - 1
        while index < last and at >= weights[index]:
            at -= weights[index]
            index += 1
        weight = weights.pop(index)
        order.append(targets.pop(index))
        total -= weight
        chance = at / weight
    return order + targets
