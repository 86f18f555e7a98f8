"""Run the enterprise: a stretch of the past at once, or live as time passes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

import msgspec

from tocsin.errors import UsageError
from tocsin.lab import (
    automation,
    campaign,
    campaigns,
    cloudwork,
    habits,
    operations,
    outside,
    rounds,
    support,
    unixwork,
)
from tocsin.lab.enterprise import Enterprise
from tocsin.lab.world import DAY, HOUR, MINUTE, SECOND, World
from tocsin.lab.write import LogFiles
from tocsin.model.ports import Clock

_FLUSH_EVERY = 10 * MINUTE
_BEFORE_ATTACK = 3 * HOUR
_ATTACK_AGO = campaign.SPAN + 4 * MINUTE
_BREATH = 0.2
_MORNING = 10.7
_ATTACK_HOUR = 10 + 1 / 3


class Written(NamedTuple):
    """What was written: records in all and by source, and when the attack began (us UTC), if so."""

    records: int
    attack_at: int | None
    by_source: Mapping[str, int] = MappingProxyType({})


class Stop(Protocol):
    """Tells the live enterprise to end; `threading.Event` is one."""

    def wait(self, timeout: float, /) -> bool:
        """Sleep for up to `timeout` seconds; True when it is time to stop."""


def write_history(
    folder: Path,
    truth_path: Path,
    seed: int,
    start: int,
    duration: int,
    *,
    enterprise: Enterprise | None = None,
) -> Written:
    """Write `duration` us of the enterprise's life from `start` (us UTC) into `folder`.

    One NDJSON file per host and channel, existing ones replaced; the ground truth goes to
    `truth_path`. Raises UsageError when that lies in `folder`, where the pipeline would read it.
    """
    enterprise = enterprise or Enterprise()
    _keep_apart(folder, truth_path)
    for old in _before(folder):
        old.unlink()
    truth_path.unlink(missing_ok=True)
    with LogFiles(folder, truth_path, start, enterprise.utc_offset) as files:
        world = World(enterprise, seed, start, files)
        attack_at = None
        first = _attack_after(world, duration)
        if enterprise.attack and enterprise.campaigns:
            attack_at = start + first
        campaigns.begin(world, first, duration)
        _settle(world)
        for until in range(start + _FLUSH_EVERY, start + duration, _FLUSH_EVERY):
            world.run(until)
            files.relieve()
        world.run(start + duration)
        return Written(files.records, attack_at, files.written)


def _before(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for pattern in ("*.json", "*.log"):
            yield from folder.glob(pattern)


def _keep_apart(folder: Path, truth_path: Path) -> None:
    if truth_path.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{truth_path}: the truth must not lie where the logs are read ({folder})")


def _settle(world: World) -> None:
    for host in world.hosts.values():
        if host.logs:
            world.begin(operations.hum(world, host))
    for person in world.people:
        world.begin(habits.at_work(world, person))
        if person.admin is not None:
            world.begin(rounds.administrate(world, person))
            world.begin(support.lend_a_hand(world, person))
    for habit in operations.NIGHTLY:
        world.begin(habit(world))
    for part in (automation, unixwork, cloudwork, outside):
        part.begin(world)


def _attack_after(world: World, duration: int) -> int:
    enterprise = world.enterprise
    if enterprise.attack_after is not None:
        return enterprise.attack_after
    after = world.until_hour(_ATTACK_HOUR)
    while after + campaign.SPAN <= duration:
        if world.working(world.now + after):
            return after
        after += DAY
    return duration * 2 // 5


def live(  # noqa: PLR0913 (the two folders, the seed, time and its pace, and how to end are one call)
    folder: Path,
    truth_path: Path,
    seed: int,
    clock: Clock,
    speed: float,
    stop: Stop,
    *,
    enterprise: Enterprise | None = None,
) -> Written:
    """Live in `folder` until `stop`: three hours of past, then the attack, then daily work.

    The attack begins about 45 simulated minutes ago and is played `speed` times as fast as it
    happened (60: in under a minute) until simulated time has caught up with `clock`; from then on
    time passes as it does. Files are appended to, in whole lines. `enterprise` is as it is but for
    its time zone, which is chosen so that the attack falls into the morning, and its weekend.
    """
    _keep_apart(folder, truth_path)
    now = clock.now()
    attack_at = now - _ATTACK_AGO
    start = attack_at - _BEFORE_ATTACK
    enterprise = msgspec.structs.replace(
        enterprise or Enterprise(), utc_offset=_zone(attack_at), weekend_work=True
    )
    with LogFiles(folder, truth_path, start, enterprise.utc_offset) as files:
        world = World(enterprise, seed, start, files)
        campaigns.begin(world, _BEFORE_ATTACK, _BEFORE_ATTACK + DAY)
        _settle(world)
        world.run(attack_at)
        files.flush()
        begun = clock.monotonic()
        while not stop.wait(_BREATH):
            played = attack_at + int((clock.monotonic() - begun) * max(speed, 1.0) * SECOND)
            world.run(max(world.now, min(played, clock.now() - SECOND)))
            files.flush()
        return Written(files.records, attack_at if enterprise.attack else None)


def _zone(at: int) -> int:
    hour = at % DAY / HOUR
    return (round(_MORNING - hour) + 12) % 24 * 3600 - 12 * 3600
