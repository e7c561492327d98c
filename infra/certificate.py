"""A certificate of one's own for a server that a test starts, and the authority that signed it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID: Final = timedelta(days=1)


class Certificate(NamedTuple):
    """Files: what the server shows and keeps, and whom its visitors have to trust."""

    chain: Path
    key: Path
    authority: Path


def certify(folder: Path, host: str) -> Certificate:
    """Make an authority, and a certificate by it for this host or address."""
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = named("An authority of these tests")
    root = begun(issuer, issuer, ours).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    try:
        name: x509.GeneralName = x509.IPAddress(ip_address(host))
    except ValueError:
        name = x509.DNSName(host)
    leaf = begun(named(host), issuer, theirs).add_extension(x509.SubjectAlternativeName([name]), critical=False)
    made = Certificate(folder / "chain.pem", folder / "key.pem", folder / "authority.pem")
    made.authority.write_bytes(root.sign(ours, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made.chain.write_bytes(leaf.sign(ours, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        theirs.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return made


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - VALID).not_valid_after(now + VALID)
