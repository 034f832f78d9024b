"""A certificate authority for one lab, and the certificates that tests need, good and bad."""

from __future__ import annotations

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# What Authority.bad_server() can make.
BAD_KINDS = ("expired", "not-yet-valid", "wrong-name", "other-ca", "self-signed")
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class KeyPair:
    certificate: Path
    key: Path


def _name(common_name: str, *units: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "lab")]
    parts += [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units]
    return x509.Name(parts + [x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write_private(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)


class Authority:
    def __init__(self, directory: Path, name: str = "ca"):
        """Makes a new CA; its certificate is `directory/name.crt`."""
        self.directory = directory
        self.file = directory / f"{name}.crt"
        self._name = _name(f"Lab {name} {os.urandom(4).hex()}")
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_private(directory / f"{name}.key", self._pem(self._key))

    @classmethod
    def load(cls, directory: Path, name: str = "ca") -> Authority:
        """The CA that an earlier process made there."""
        self = cls.__new__(cls)
        self.directory = directory
        self.file = directory / f"{name}.crt"
        self._name = x509.load_pem_x509_certificate(self.file.read_bytes()).subject
        self._key = serialization.load_pem_private_key(
            (directory / f"{name}.key").read_bytes(), None
        )
        return self

    def server(
        self,
        name: str,
        dns: list[str],
        addresses: list[str],
        days: tuple[int, int] = (-1, 30),
        digest: str = "SHA256",
    ) -> KeyPair:
        """A server's certificate; `days`: begin and end of validity, counted from now; `digest`: of
        its signature."""
        names = [x509.DNSName(host) for host in dns]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        return self._issue(
            name, _name((dns or addresses)[0]), ExtendedKeyUsageOID.SERVER_AUTH, names, days, digest
        )

    def client(self, name: str, common_name: str) -> KeyPair:
        """A certificate with which SASL EXTERNAL is the account of that name in the root domain."""
        return self._issue(
            name, _name(common_name, "accounts"), ExtendedKeyUsageOID.CLIENT_AUTH, [], (-1, 30)
        )

    def bad_server(self, kind: str, dns: list[str], addresses: list[str]) -> KeyPair:
        """A certificate for these names that a client must refuse; `kind` is one of BAD_KINDS."""
        name = f"bad-{kind}-{addresses[0] if addresses else dns[0]}"
        if kind == "expired":
            return self.server(name, dns, addresses, days=(-20, -10))
        if kind == "not-yet-valid":
            return self.server(name, dns, addresses, days=(10, 20))
        if kind == "wrong-name":
            return self.server(name, ["elsewhere.example"], ["192.0.2.1"])
        if kind == "other-ca":
            return Authority(self.directory, "other-ca").server(name, dns, addresses)
        if kind == "self-signed":
            return Authority(self.directory, name)._as_server()
        raise ValueError(f"no bad certificate of kind {kind!r}; there are {', '.join(BAD_KINDS)}")

    def _as_server(self) -> KeyPair:
        return KeyPair(self.file, self.file.with_suffix(".key"))

    def _issue(
        self,
        name: str,
        subject: x509.Name,
        usage,
        names: list,
        days: tuple[int, int],
        digest: str = "SHA256",
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * _DAY)
            .not_valid_after(now + days[1] * _DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        pair = KeyPair(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        pair.certificate.write_bytes(
            builder.sign(self._key, getattr(hashes, digest)()).public_bytes(
                serialization.Encoding.PEM
            )
        )
        _write_private(pair.key, self._pem(key))
        return pair

    @staticmethod
    def _pem(key) -> bytes:
        return key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
