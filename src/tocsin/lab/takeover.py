"""An account taken over by tiring its owner; the twin is somebody on a journey."""

from tocsin.lab import entra, identity
from tocsin.lab.places import ABROAD, AIRPORT, HOTEL, PHONE, Attempt, Device, Place, workstation
from tocsin.lab.plot import Plot, pick
from tocsin.lab.world import HOUR, MINUTE, SECOND, Habit, World

_DECLINED = 500121
_MAIL = "Office 365 Exchange Online"
_BOX = Device("", "Windows10", "Chrome 122.0.0", "Mozilla/5.0 Chrome/122.0.0.0", managed=False)


def _tire(plot: Plot, place: Place, device: Device, times: int, pause: int) -> Habit:
    person = plot.world.by_name[plot.user]
    for _ in range(times):
        with plot.step("second factor declined", "T1621"):
            attempt = Attempt(device, place, _DECLINED, interactive=True)
            identity.sign_in(plot.world, person, "OfficeHome", attempt)
        yield plot.random.randint(pause // 2, pause) * SECOND
    with plot.step("second factor accepted", "T1078.004"):
        identity.sign_in(plot.world, person, "OfficeHome", Attempt(device, place, interactive=True))


def attack(world: World) -> Habit:
    """Sixteen questions at breakfast, one yes; then a factor of their own, and a foreign app."""
    person = pick(world, ("personnel", "controller", "legal"), "takeover")
    plot = Plot(world, "takeover", person.account.name)
    yield from _tire(plot, ABROAD, _BOX, 16, 70)
    yield 3 * MINUTE
    with plot.step("own second factor", "T1556.006"):
        values = {"StrongAuthenticationPhoneAppDetail": "new device"}
        entra.audit(world, person, entra.METHOD, person.mail, values, ABROAD)
    yield 6 * MINUTE
    with plot.step("consent to a foreign application", "T1528"):
        scope = "Mail.ReadWrite Mail.Send offline_access Files.Read.All"
        values = {"ConsentContext.IsAdminConsent": "False", "ConsentAction.Permissions": scope}
        entra.audit(world, person, entra.PRINCIPAL, "MailSync Pro", {}, ABROAD)
        entra.audit(world, person, entra.GRANT, "Microsoft Graph", {"Scope": scope}, ABROAD)
        entra.audit(world, person, entra.CONSENT, "MailSync Pro", values, ABROAD)
    for app in (_MAIL, "Office 365 SharePoint Online", "Azure Portal"):
        yield plot.random.randint(1, 12) * MINUTE
        with plot.step("mail and files are read", "T1114.002", quiet=True):
            identity.sign_in(world, person, app, Attempt(_BOX, ABROAD))
    with plot.step("other providers' applications", "T1550.001", quiet=True):
        foreign = Attempt(_BOX, ABROAD, interactive=True)
        identity.single_sign_on(world, person, "Freightdesk", foreign)


def twin(world: World) -> Habit:
    """Two countries in a day, a telephone without reception, a new telephone, a travel app."""
    person = pick(world, ("sales", "management"), "journey")
    plot = Plot(world, "takeover", person.account.name, benign=True)
    yield from _tire(plot, AIRPORT, PHONE, 3, 50)
    yield 5 * HOUR
    yield from _tire(plot, HOTEL, workstation(person), 2, 40)
    yield 10 * MINUTE
    with plot.step("new telephone", "T1556.006"):
        values = {"StrongAuthenticationPhoneAppDetail": "new device"}
        entra.audit(world, person, entra.METHOD, person.mail, values, HOTEL)
    yield 20 * MINUTE
    with plot.step("consent to a travel application", "T1528"):
        scope = "openid profile email Calendars.Read offline_access"
        values = {"ConsentContext.IsAdminConsent": "False", "ConsentAction.Permissions": scope}
        entra.audit(world, person, entra.CONSENT, "Quaywise Trips", values, HOTEL)
    for app in (_MAIL, "Office 365 SharePoint Online"):
        yield plot.random.randint(1, 30) * MINUTE
        with plot.step("mail and files are read", "T1114.002", quiet=True):
            identity.sign_in(world, person, app, Attempt(workstation(person), HOTEL))
    with plot.step("other providers' applications", "T1550.001", quiet=True):
        away = Attempt(PHONE, HOTEL, interactive=True)
        identity.single_sign_on(world, person, "Freightdesk", away)
