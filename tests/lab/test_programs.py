import pytest

from tocsin.lab.programs import hashes, program


def test_a_program_knows_its_file_and_libraries() -> None:
    word = program("word")
    assert word.file == "WINWORD.EXE"
    assert all(path.startswith("C:\\Windows\\System32\\") for path in word.libraries)


def test_a_program_that_is_not_installed() -> None:
    with pytest.raises(KeyError):
        program("solitaire")


def test_hashes_have_the_lengths_of_their_kinds() -> None:
    parts = dict(part.split("=") for part in hashes("C:\\a.exe").split(","))
    assert {name: len(value) for name, value in parts.items()} == {
        "SHA1": 40,
        "MD5": 32,
        "SHA256": 64,
        "IMPHASH": 32,
    }
    assert hashes("C:\\a.exe") == hashes("C:\\A.EXE") != hashes("C:\\b.exe")
