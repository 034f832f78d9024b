"""What a lab consists of: names, addresses, accounts. All other files read it from here."""

from dataclasses import dataclass

HUB_ADDRESS = "10.99.0.1"  # the client's end of the bridge; the name server of all
PREFIX_LENGTH = 24
SITE = "Default-First-Site-Name"  # of all DCs
ADMIN_PASSWORD = "Passw0rd.Lab1"

# Samba's folders, as Debian's packages have them, and what they are called in the DC's home.
SAMBA_FOLDERS = {
    "etc": "/etc/samba",
    "lib": "/var/lib/samba",
    "cache": "/var/cache/samba",
    "log": "/var/log/samba",
    "run": "/run/samba",
}

SCP_CLASS_GUID = "28630ec1-41d5-11d1-a9c1-0000f80367c1"  # schemaIDGUID of serviceConnectionPoint


def nc_of(domain: str) -> str:
    return ",".join(f"DC={label}" for label in domain.split("."))


@dataclass(frozen=True)
class Dc:
    """One domain controller."""

    name: str
    address: str
    domain: str
    forest: str  # the root domain's name

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{self.domain}"

    @property
    def realm(self) -> str:
        return self.domain.upper()

    @property
    def netbios(self) -> str:
        return self.domain.split(".")[0].upper()

    @property
    def nc(self) -> str:
        return nc_of(self.domain)

    @property
    def server_dn(self) -> str:
        """Its object in the forest's Configuration; CN=NTDS Settings lies below."""
        sites = f"CN=Sites,CN=Configuration,{nc_of(self.forest)}"
        return f"CN={self.name.upper()},CN=Servers,CN={SITE},{sites}"

    @property
    def ntds_settings_dn(self) -> str:
        return f"CN=NTDS Settings,{self.server_dn}"


@dataclass(frozen=True)
class Account:
    """An ordinary user; its keytab is exported to <name>.keytab."""

    name: str
    password: str


DC1 = Dc("dc1", "10.99.0.11", "corp.test", "corp.test")  # each domain's first is its PDC emulator
DC2 = Dc("dc2", "10.99.0.12", "corp.test", "corp.test")
EM1 = Dc("em1", "10.99.0.21", "emea.corp.test", "corp.test")
SRC1 = Dc("src1", "10.99.0.41", "source.test", "source.test")
DCS = (DC1, DC2, EM1, SRC1)

LAYOUTS = {
    "single": (DC1,),
    "second-dc": (DC1, DC2),
    "forest": (DC1, DC2, EM1),
    "two-forests": (DC1, SRC1),
}

SERVICE = Account("svc-scpd", "Serv1ce.Passw0rd")
AGENT = Account("svc-mage", "Ag3nt.Passw0rd")
ACCOUNTS = {
    "corp.test": (SERVICE, AGENT),
    "emea.corp.test": (Account("svc-emea", "Em3a.Passw0rd"),),
    "source.test": (Account("svc-source", "S0urce.Passw0rd"),),
}
# Whom each domain's container is delegated to: one for all domains of a forest.
DELEGATES = {"corp.test": (DC1, SERVICE), "source.test": (SRC1, ACCOUNTS["source.test"][0])}


def container(dc: Dc) -> str:
    return f"CN=scpd,CN=System,{dc.nc}"


# What an administrator grants the service account on the container, and nothing else: create SCPs (here
# and in containers below), and read, write and delete SCPs found there. {sid} is the account's.
DELEGATION = (
    f"(OA;CI;CC;{SCP_CLASS_GUID};;{{sid}})",
    f"(OA;CIIO;RPWPLCLORCSDDT;;{SCP_CLASS_GUID};{{sid}})",
)

# The SCP of a real product, Migration Agent for Exchange, and where it lies below CN=System.
PRODUCT_PROJECT = "90e49231-3838-4e5e-b2e4-8813fbf59a11"
PRODUCT_KEYWORDS = ("77F6F69F-AD86-437c-B47E-9A2F161E7E61", "QmmEx", PRODUCT_PROJECT)
PRODUCT_PATH = ("Quest Software", "Migration Manager", "QmmEx", "Exchange Migration Project")
