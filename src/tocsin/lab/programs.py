"""The programs that run at the enterprise, with the version facts that Sysmon reports."""

from functools import cache
from hashlib import md5, sha1, sha256
from typing import NamedTuple

_WINDOWS = "Microsoft\u00ae Windows\u00ae Operating System"
_OFFICE = "Microsoft Office"
_SYS = "C:\\Windows\\System32\\"
_OFFICE_DIR = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
_BASE_DLLS = ("kernel32.dll", "KernelBase.dll", "ntdll.dll")


class Program(NamedTuple):
    """An executable as it is installed; `dlls` are what it loads beside the usual three."""

    image: str
    description: str
    product: str = _WINDOWS
    company: str = "Microsoft Corporation"
    version: str = "10.0.19041.4355 (WinBuild.160101.0800)"
    dlls: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The file name alone."""
        return self.image.rpartition("\\")[2]

    @property
    def libraries(self) -> tuple[str, ...]:
        """Full paths of the libraries it loads."""
        return tuple(_SYS + name for name in _BASE_DLLS + self.dlls)


def _windows(file: str, description: str, *dlls: str) -> Program:
    return Program(_SYS + file, description, dlls=dlls)


def _office(file: str, description: str) -> Program:
    dlls = ("ole32.dll", "oleaut32.dll", "urlmon.dll", "wininet.dll")
    return Program(
        _OFFICE_DIR + file,
        description,
        _OFFICE,
        version="16.0.17328.20184",
        dlls=dlls,
    )


def _other(image: str, description: str, product: str, company: str, version: str) -> Program:
    return Program(image, description, product, company, version, ("ws2_32.dll", "crypt32.dll"))


_ALL = {
    "explorer": Program(
        "C:\\Windows\\explorer.exe", "Windows Explorer", dlls=("shell32.dll", "propsys.dll")
    ),
    "userinit": _windows("userinit.exe", "Userinit Logon Application"),
    "winlogon": _windows("winlogon.exe", "Windows Logon Application"),
    "taskhostw": _windows("taskhostw.exe", "Host Process for Windows Tasks", "taskschd.dll"),
    "svchost": _windows("svchost.exe", "Host Process for Windows Services", "rpcrt4.dll"),
    "cmd": _windows("cmd.exe", "Windows Command Processor", "cmdext.dll"),
    "conhost": _windows("conhost.exe", "Console Window Host", "user32.dll"),
    "powershell": Program(
        _SYS + "WindowsPowerShell\\v1.0\\powershell.exe",
        "Windows PowerShell",
        dlls=("mscoree.dll", "amsi.dll", "wldp.dll"),
    ),
    "net": _windows("net.exe", "Net Command", "netutils.dll", "samcli.dll"),
    "net1": _windows("net1.exe", "Net Command", "netutils.dll", "samcli.dll"),
    "nltest": _windows("nltest.exe", "Microsoft\u00ae Logon Server Test Utility", "logoncli.dll"),
    "whoami": _windows("whoami.exe", "whoami - displays logged on user information"),
    "ipconfig": _windows("ipconfig.exe", "IP Configuration Utility", "dhcpcsvc.dll"),
    "systeminfo": _windows("systeminfo.exe", "Displays system information", "wbemprox.dll"),
    "tasklist": _windows("tasklist.exe", "Lists the current running tasks", "wbemprox.dll"),
    "quser": _windows("quser.exe", "Query User Utility"),
    "ping": _windows("PING.EXE", "TCP/IP Ping Command", "IPHLPAPI.DLL"),
    "sc": _windows("sc.exe", "Service Control Manager Configuration Tool", "sechost.dll"),
    "reg": _windows("reg.exe", "Registry Console Tool", "advapi32.dll"),
    "rundll32": _windows("rundll32.exe", "Windows host process (Rundll32)", "imagehlp.dll"),
    "vssadmin": _windows(
        "vssadmin.exe",
        "Command Line Interface for Microsoft\u00ae Volume Shadow Copy Service",
        "vssapi.dll",
    ),
    "wbadmin": _windows("wbadmin.exe", "Command Line Interface for Microsoft\u00ae BLB Backup"),
    "bcdedit": _windows("bcdedit.exe", "Boot Configuration Data Editor"),
    "robocopy": _windows("Robocopy.exe", "Microsoft Robocopy"),
    "gpupdate": _windows("gpupdate.exe", "Microsoft\u00ae Group Policy Update Utility"),
    "mmc": _windows("mmc.exe", "Microsoft Management Console", "mmcbase.dll"),
    "mstsc": _windows("mstsc.exe", "Remote Desktop Connection", "mstscax.dll"),
    "schtasks": _windows("schtasks.exe", "Task Scheduler Configuration Tool", "taskschd.dll"),
    "wmiprvse": _windows("wbem\\WmiPrvSE.exe", "WMI Provider Host", "wbemcomn.dll"),
    "wmic": _windows("wbem\\WMIC.exe", "WMI Commandline Utility", "wbemprox.dll"),
    "dllhost": _windows("dllhost.exe", "COM Surrogate", "combase.dll"),
    "sihost": _windows("sihost.exe", "Shell Infrastructure Host"),
    "runtimebroker": _windows("RuntimeBroker.exe", "Runtime Broker", "combase.dll"),
    "searchindexer": _windows("SearchIndexer.exe", "Microsoft Windows Search Indexer"),
    "wuauclt": _windows("wuauclt.exe", "Windows Update", "wuapi.dll"),
    "logonui": _windows("LogonUI.exe", "Windows Logon User Interface Host"),
    "notepad": _windows("notepad.exe", "Notepad"),
    "mpcmdrun": Program(
        "C:\\Program Files\\Windows Defender\\MpCmdRun.exe",
        "Microsoft Malware Protection Command Line Utility",
    ),
    "outlook": _office("OUTLOOK.EXE", "Microsoft Outlook"),
    "word": _office("WINWORD.EXE", "Microsoft Word"),
    "excel": _office("EXCEL.EXE", "Microsoft Excel"),
    "powerpoint": _office("POWERPNT.EXE", "Microsoft PowerPoint"),
    "edge": _other(
        "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
        "Microsoft Edge",
        "Microsoft Edge",
        "Microsoft Corporation",
        "124.0.2478.80",
    ),
    "reader": _other(
        "C:\\Program Files\\Quillpoint\\Reader\\QuillReader.exe",
        "Quillpoint Reader",
        "Quillpoint Reader",
        "Quillpoint Software",
        "9.4.1.0",
    ),
    "ledger": _other(
        "C:\\Program Files\\Northquay Ledger\\LedgerClient.exe",
        "Ledger Client",
        "Ledger",
        "Cobalt Ledger GmbH",
        "7.12.0.3",
    ),
    "git": _other(
        "C:\\Program Files\\Git\\cmd\\git.exe", "Git for Windows", "Git", "The Git Project", "2.44"
    ),
    "python": _other(
        "C:\\Program Files\\Python311\\python.exe",
        "Python",
        "Python",
        "Python Software Foundation",
        "3.11.9",
    ),
    "code": _other(
        "C:\\Program Files\\Editorial\\Studio.exe",
        "Editorial Studio",
        "Editorial Studio",
        "Editorial Works",
        "1.89.1",
    ),
    "node": _other(
        "C:\\Program Files\\nodejs\\node.exe", "Node.js", "Node.js", "Node.js", "20.12.2"
    ),
    "ninja": _other("C:\\Tools\\ninja.exe", "-", "-", "-", "-"),
    "cl": _other(
        "C:\\Program Files (x86)\\Buildkit\\VC\\bin\\x64\\cl.exe",
        "Optimizing Compiler",
        "Buildkit",
        "Microsoft Corporation",
        "19.39.33523.0",
    ),
    "link": _other(
        "C:\\Program Files (x86)\\Buildkit\\VC\\bin\\x64\\link.exe",
        "Incremental Linker",
        "Buildkit",
        "Microsoft Corporation",
        "14.39.33523.0",
    ),
    "terminal": _other(
        "C:\\Program Files\\Tickerwharf\\Terminal.exe",
        "Tickerwharf Terminal",
        "Tickerwharf",
        "Tickerwharf Data plc",
        "8.1.4",
    ),
    "orders": _other(
        "C:\\Program Files\\Northquay Orders\\OrderEntry.exe",
        "Order entry",
        "Order entry",
        "Northquay",
        "3.14.0",
    ),
    "viewer": _other(
        "C:\\Program Files\\Lumen\\LumenView.exe",
        "Lumen image viewer",
        "Lumen",
        "Lumen Imaging AG",
        "6.2.9",
    ),
    "onedrive": Program(
        "C:\\Program Files\\Microsoft OneDrive\\OneDrive.exe",
        "Microsoft OneDrive",
        "Microsoft OneDrive",
        version="24.050.0310.0001",
    ),
    "mshta": _windows("mshta.exe", "Microsoft (R) HTML Application host", "mshtml.dll"),
    "msiexec": _windows("msiexec.exe", "Windows\u00ae installer", "msi.dll"),
    "certutil": _windows("certutil.exe", "CertUtil.exe", "certca.dll"),
    "netstat": _windows("NETSTAT.EXE", "TCP/IP Netstat Command", "snmpapi.dll"),
    "taskkill": _windows("taskkill.exe", "Terminates Processes", "framedynos.dll"),
    "gpresult": _windows("gpresult.exe", "Query Group Policy RSOP Data", "gpapi.dll"),
    "wevtutil": _windows("wevtutil.exe", "Eventing Command Line Utility", "wevtapi.dll"),
    "wsmprovhost": _windows("wsmprovhost.exe", "Host process for WinRM plug-ins", "wsmsvc.dll"),
    "curl": _windows("curl.exe", "The curl executable", "ws2_32.dll"),
    "ssh": _windows("OpenSSH\\ssh.exe", "OpenSSH for Windows", "libcrypto.dll"),
    "psexec": _other(
        "C:\\Tools\\Sysinternals\\PsExec64.exe",
        "Execute processes remotely",
        "Sysinternals PsExec",
        "Sysinternals - www.sysinternals.com",
        "2.43",
    ),
    "psexesvc": _other(
        "C:\\Windows\\PSEXESVC.exe",
        "PsExec Service",
        "Sysinternals PsExec",
        "Sysinternals",
        "2.43",
    ),
    "packer": _other(
        "C:\\Program Files\\7-Zip\\7z.exe", "7-Zip Console", "7-Zip", "Igor Pavlov", "24.05"
    ),
    "agent": _other(
        "C:\\Program Files\\Harborlight\\Agent\\HarborAgent.exe",
        "Harborlight management agent",
        "Harborlight",
        "Harborlight Systems",
        "5.3.2",
    ),
    "vaultback": _other(
        "C:\\Program Files\\Vaultback\\VaultbackService.exe",
        "Vaultback backup service",
        "Vaultback",
        "Vaultback Ltd",
        "11.0.1",
    ),
}


def program(name: str) -> Program:
    """The installed program called `name` in the catalogue."""
    return _ALL[name]


@cache
def hashes(image: str) -> str:
    """Hashes of an executable in Sysmon's notation, invented from its path."""
    data = image.lower().encode()
    short = md5(data, usedforsecurity=False).hexdigest().upper()
    first = sha1(data, usedforsecurity=False).hexdigest().upper()
    long = sha256(data).hexdigest().upper()
    return f"SHA1={first},MD5={short},SHA256={long},IMPHASH={long[:32]}"
