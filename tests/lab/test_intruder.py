from base64 import b64decode

from tests.lab.conftest import written_by

from tocsin.lab.automation import encoded
from tocsin.lab.intruder import Intruder
from tocsin.lab.world import World


def test_an_encoded_script_reads_as_powershell_would() -> None:
    assert b64decode(encoded("Get-Date")).decode("utf-16-le") == "Get-Date"


def test_a_tool_starts_and_ends(world: World) -> None:
    intruder = Intruder(world)
    intruder.use(intruder.station.system["services.exe"], "whoami", "whoami.exe /all")
    ids = [record["EventID"] for record in written_by(world)]
    assert ids[0] == 4688
    assert ids[-1] == 5
