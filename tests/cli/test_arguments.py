"""What is no number of things to show is refused where it is given."""

import pytest

from tocsin.cli import arguments, run


def test_a_count_has_a_least_value():
    assert "gte=1" in repr(arguments.Count)


@pytest.mark.parametrize("count", ["0", "-1"])
@pytest.mark.parametrize(
    "command",
    [
        ["query", "select 1", "--limit"],
        ["incidents", "--limit"],
        ["journal", "--limit"],
        ["dead-letters", "--limit"],
        ["hunt", ".", "--top"],
    ],
    ids=lambda command: command[0],
)
def test_less_than_one_is_refused_with_the_option_s_name(command, count, capsys):
    assert run([*command, count]) == 2
    told = capsys.readouterr().err
    assert command[-1] in told
    assert "there is no site" not in told
