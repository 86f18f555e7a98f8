"""Every target on its seeds and on mutations of them that are the same each time."""

import random
import time

import pytest
from tests.fuzz.targets import TARGETS, attempt

MUTATIONS = 150
LONGEST = 5.0
"""Seconds of CPU that no small input may take; the promise is 1 s, the rest is a busy machine."""
TOKENS = (b"{", b"}", b"[", b'"', b"\\", b"\0", b"\xff\xfe", b"\n", b"=", b": ", b"- ", b"9" * 40)


def mutated(seed: bytes, dice: random.Random) -> bytes:
    """A seed with a few bytes changed, cut, doubled or replaced."""
    data = bytearray(seed[:20_000])
    for _ in range(dice.randint(1, 5)):
        at = dice.randint(0, len(data))
        match dice.randrange(5):
            case 0:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del data[at : at + dice.randint(1, 40)]
            case 2:
                data[at:at] = dice.choice(TOKENS)
            case 3:
                data[at:at] = data[max(at - 30, 0) : at] * dice.randint(1, 4)
            case _:
                data = data[: max(at, 1)]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_a_refusal_comes_out(name: str) -> None:
    target = TARGETS[name]
    seeds = list(target.seeds())
    assert any(attempt(target, seed) for seed in seeds), "no seed is readable at all"
    dice = random.Random(name)  # noqa: S311  # the same mutations each time
    for number in range(MUTATIONS):
        data = mutated(dice.choice(seeds), dice)
        began = time.process_time()
        attempt(target, data)
        assert time.process_time() - began < LONGEST, (number, data[:200])
