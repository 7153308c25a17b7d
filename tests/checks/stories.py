"""Small sums told as stories, each in two wordings, for checks that look for reworded rows."""

from __future__ import annotations

import random

NAMES = [
    "Ada",
    "Bela",
    "Cem",
    "Dora",
    "Emil",
    "Fatma",
    "Goran",
    "Hanna",
    "Igor",
    "Jana",
    "Kofi",
    "Lena",
    "Milan",
    "Nora",
    "Otto",
    "Petra",
    "Rosa",
    "Sami",
    "Tilda",
    "Umar",
    "Vera",
    "Wanda",
    "Xenia",
    "Yusuf",
    "Zora",
]
THINGS = [
    "apple:market",
    "brush:studio",
    "candle:church",
    "drum:band",
    "egg:farm",
    "fence post:ranch",
    "globe:school",
    "hammer:workshop",
    "ink pot:printer",
    "jar:cellar",
    "kite:beach",
    "lamp:hotel",
    "mirror:salon",
    "nail:carpenter",
    "oar:harbour",
    "pillow:hospital",
    "quilt:inn",
    "rope:circus",
    "saddle:stable",
    "tile:kitchen",
    "violin:theatre",
    "wheel:garage",
    "yoghurt:canteen",
    "zip:tailor",
]
PLOTS = (
    (
        """{name} carries {many} {thing}s to the {place} every day and sells each for ${price}.
        {other} gets {given} of them for nothing. How much money is made in {days} days?""",
        """Each day the {place} receives {many} {thing}s from {name} at a unit price of {price}
        dollars, although {given} go to {other} as a gift. What does {name} earn over a period
        of {days} days?""",
    ),
    (
        """A {place} keeps {many} {thing}s in {given} boxes. {name} breaks {days} and {other}
        buys {price} more. How many {thing}s are there now?""",
        """{given} boxes at the {place} hold {many} {thing}s altogether. After {days} of them
        were broken by {name}, another {price} were bought by {other}. What is the new total?""",
    ),
    (
        """{name} walks {many} metres to the {place}, twice as far as {other}. A {thing} weighs
        {price} grams and they bring {given} each for {days} weeks. What do all of them weigh?""",
        """It takes {other} half the distance of {name}, who covers {many} metres, to reach the
        {place}. For {days} weeks both arrive with {given} {thing}s of {price} grams. Find the
        weight of everything they brought.""",
    ),
)


def stories(count: int, seed: int) -> tuple[list[str], list[str]]:
    """That many different stories and, at the same places, each one told in other words."""
    rng = random.Random(seed)  # noqa: S311  not for secrets
    told: dict[str, str] = {}
    while len(told) < count:
        name, other = rng.sample(NAMES, 2)
        thing, place = rng.choice(THINGS).split(":")
        many, price, given, days = (rng.randint(3, 400) for _ in range(4))
        plain, reworded = (
            " ".join(wording.split()).format(
                name=name,
                other=other,
                thing=thing,
                place=place,
                many=many,
                price=price,
                given=given,
                days=days,
            )
            for wording in rng.choice(PLOTS)
        )
        told.setdefault(plain, reworded)
    return list(told), list(told.values())
