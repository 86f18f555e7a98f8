"""Twin of the ransomware precursor: a night of work on the backups and their shadow copies."""

from tocsin.lab import remoting, services
from tocsin.lab.operations import run
from tocsin.lab.plot import Plot, desk_of, pick_admin
from tocsin.lab.processes import create_file, finish, spawn
from tocsin.lab.programs import program
from tocsin.lab.world import MINUTE, Habit, World

_RESIZE = "vssadmin.exe resize shadowstorage /for=D: /on=D: /maxsize=40GB"
_ON_BACKUPS = (
    ("stop the backup service", "T1489", "net", 'net.exe stop "Vaultback Service" /y'),
    ("keep it stopped", "T1489", "sc", "sc.exe config VaultbackService start= disabled"),
    (
        "install the new version",
        "T1072",
        "msiexec",
        "msiexec.exe /i D:\\Install\\vaultback.msi /qn",
    ),
    (
        "old catalogues go",
        "T1490",
        "wbadmin",
        "wbadmin.exe delete systemstatebackup -keepVersions:3",
    ),
    ("pack the old logs", "T1560.001", "packer", "7z.exe a D:\\Vault\\logs.7z D:\\Vault\\logs"),
    ("start it again", "T1489", "sc", "sc.exe config VaultbackService start= auto"),
)
_ON_FILES = (
    ("look at the shadows", "T1490", "vssadmin", "vssadmin.exe list shadowstorage"),
    ("less room for shadows", "T1490", "vssadmin", _RESIZE),
    ("the oldest shadow goes", "T1490", "vssadmin", "vssadmin.exe delete shadows /for=D: /oldest"),
    ("export the log", "T1005", "wevtutil", "wevtutil.exe epl System D:\\Install\\system.evtx"),
)


def maintain(world: World) -> Habit:
    """An administrator renews the backup program and makes room on the file server."""
    admin = pick_admin(world, "maintenance")
    plot = Plot(world, "ransomware", admin.account.name, benign=True)
    account = admin.admin or admin.account
    with plot.step("open a shell", "T1078.002", quiet=True):
        desk = desk_of(world, admin)
        shell = spawn(world, desk, program("powershell"), "powershell.exe", desk.session, "High")
    for name, steps in (("BK01", _ON_BACKUPS), ("FS01", _ON_FILES)):
        server = world.hosts[name]
        with plot.step("tool on the server", "T1569.002"):
            remote = remoting.by_service(world, shell, server)
        for title, technique, tool, command in steps:
            yield plot.random.randint(1, 9) * MINUTE
            with plot.step(title, technique):
                process = run(world, remote.shell, tool, command)
                if tool == "packer":
                    create_file(world, process, "D:\\Vault\\logs.7z")
                finish(world, process)
        with plot.step("the service runs again", "T1489", quiet=True):
            services.change_state(world, server, "Vaultback Service", "running")
            modes = "disabled > auto start"
            services.change_start(world, server, account, "Vaultback Service", modes)
            remoting.leave(world, remote)
    with plot.step("done", "T1078.002", quiet=True):
        finish(world, shell)
