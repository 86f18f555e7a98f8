"""The campaigns and their twins: which there are, and when they happen."""

from collections.abc import Callable
from typing import NamedTuple

from tocsin.lab import campaign, cloudtheft, insider, maintenance, roasting, spray, takeover
from tocsin.lab.world import DAY, HOUR, Habit, World


class Course(NamedTuple):
    """A campaign, its twin, and the local hours at which each usually begins."""

    attack: Callable[[World], Habit]
    twin: Callable[[World], Habit]
    hour: float
    twin_hour: float


COURSES = {
    "ransomware": Course(campaign.intrude, maintenance.maintain, 10 + 1 / 3, 18.5),
    "spray": Course(spray.attack, spray.twin, 12.8, 9.2),
    "cloud-theft": Course(cloudtheft.attack, cloudtheft.twin, 21.4, 13.1),
    "insider": Course(insider.attack, insider.twin, 18.2, 10.4),
    "roasting": Course(roasting.attack, roasting.twin, 14.2, 11.1),
    "takeover": Course(takeover.attack, takeover.twin, 7.6, 6.8),
}


def begin(world: World, first: int, duration: int) -> None:
    """Let the campaigns and twins of the enterprise happen within `duration` (us) from now.

    `first` is when the first campaign begins, in us from now. The others begin at their hour on
    working days, spread over the time; in less than a day they are spread evenly.
    """
    enterprise = world.enterprise
    campaigns = enterprise.campaigns if enterprise.attack else ()
    for number, name in enumerate(campaigns):
        course = COURSES[name]
        at = (
            first
            if number == 0
            else _moment(world, (number, len(campaigns)), duration, course.hour)
        )
        world.begin(course.attack(world), at)
    for number, name in enumerate(enterprise.twins):
        course = COURSES[name]
        at = _moment(world, (number, len(enterprise.twins)), duration, course.twin_hour)
        world.begin(course.twin(world), at)


def _moment(world: World, place: tuple[int, int], duration: int, hour: float) -> int:
    """When the `place`-th of so many begins, in us from now."""
    number, count = place
    middle = (2 * number + 1) * duration // (2 * count)
    if duration < DAY:
        return middle
    after = world.until_hour(hour)
    days = max(0, (duration - after - 2 * HOUR) // DAY)
    wanted = min(days, number * (days + 1) // count)
    weekdays = [day for day in range(days + 1) if world.working(world.now + after + day * DAY)]
    day = min(weekdays or [wanted], key=lambda one: (abs(one - wanted), one))
    return after + day * DAY
