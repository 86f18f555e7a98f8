"""app.flag: shared with a process that may be killed at any instant."""

from tocsin.app.flag import Flag
from tocsin.app.workers import SPAWN


def test_what_another_process_says_is_known_here_and_survives_its_death() -> None:
    flag = Flag()
    assert not flag.is_set()
    child = SPAWN.Process(target=flag.set)
    child.start()
    child.join()
    assert flag.is_set()
    flag.clear()
    assert not flag.is_set()
