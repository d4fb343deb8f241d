"""Encryption of what leaves this machine: with the certificate that is given, or with one made here.

Loopback needs none. Any other address is served with TLS only, unless a proxy in front ends it. A certificate made
here is nobody's word but its own, so its fingerprint is printed for people to compare.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
import ssl
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import certifi
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vivavoce.app.settings.values import Server, Tls
from vivavoce.errors import ConfigError
from vivavoce.inference.addresses import is_loopback
from vivavoce.storage.folder import write_whole

LIFE: Final = timedelta(days=397)
"""The longest that browsers accept."""
RENEWED_BEFORE: Final = timedelta(days=30)
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of 1.3 are all of this kind."""
HANDSHAKE_S: Final = 10.0
_LOOK_S: Final = 3_600.0
_WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})

Now = Callable[[], datetime]
AnyLoop = TypeVar("AnyLoop", bound=asyncio.AbstractEventLoop)

_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is to be told of a certificate."""

    fingerprint: str
    """SHA-256, as browsers write it."""
    expires: datetime
    made_here: bool
    known_authority: bool
    """Browsers trust whoever signed it: they may be told to insist on TLS."""


class Encryption:
    """The context that the listener uses, and what keeps its certificate fresh."""

    def __init__(self, source: _Given | _MadeHere) -> None:
        """Raises ConfigError or StorageError when there is no usable certificate."""
        self._source = source
        self.context = _context()
        self.shown = source.load(self.context)

    @classmethod
    def given(cls, tls: Tls, now: Now = utc_now) -> Encryption:
        """With the operator's certificate. Raises ConfigError when it cannot be used."""
        return cls(_Given(Path(tls.certificate).expanduser(), Path(tls.key).expanduser(), now))

    def uvicorn_options(self) -> dict[str, Any]:
        """Options of uvicorn.Config; WebSockets run over the same connections."""
        return {"ssl_context_factory": lambda *_: self.context}

    def refresh(self) -> bool:
        """Take a certificate that was replaced, or make one that would run out; whether there was one.

        New connections get it, open ones keep theirs. With a broken one the old goes on.
        """
        if not self._source.stale():
            return False
        try:
            self.shown = self._source.load(self.context)
        except ConfigError as error:
            _log.error("the new certificate cannot be used, the old one goes on: %s", error.message)
            return False
        _log.info("a new certificate is in use, until %s", self.shown.expires.date())
        return True

    async def keep_fresh(self) -> None:
        """Look once an hour until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await asyncio.to_thread(self.refresh)


def check(server: Server, tls: Tls, *, off: bool = False) -> None:
    """Whether this may be served at all; `off` says that plain HTTP was asked for.

    Raises ConfigError with a sentence that says what to do.
    """
    if bool(tls.certificate) != bool(tls.key):
        raise ConfigError("tls.certificate and tls.key belong together: set both, or neither")
    if tls.behind_proxy and not server.trusted_proxies:
        raise ConfigError("tls.behind_proxy needs the proxy's address in server.trusted_proxies")
    if off and not is_loopback(server.host) and not tls.behind_proxy:
        raise ConfigError(
            f"server.host = {server.host} can be reached from other machines, and without TLS everybody on the way "
            "could listen, talk and take the sign-in. Leave TLS on: without a certificate one is made, and its "
            "fingerprint printed. Behind a proxy that ends TLS: tls.behind_proxy = true, and its address in "
            f"server.trusted_proxies. Or stay on this machine: `ssh -L {server.port}:127.0.0.1:{server.port} "
            "THIS-MACHINE` from another one."
        )


def encryption(server: Server, tls: Tls, keys: Path, *, off: bool = False, now: Now = utc_now) -> Encryption | None:
    """How this server encrypts; None where it need not: on loopback, or behind a proxy that does.

    `keys` is the folder for what is made here. Raises ConfigError as `check` does, and for what cannot be used.
    """
    check(server, tls, off=off)
    if tls.certificate and not off:
        return Encryption.given(tls, now)
    if is_loopback(server.host) or tls.behind_proxy:
        return None
    return Encryption(_MadeHere(keys / "tls.pem", _names(server), now))


def impatient(loop: type[AnyLoop], handshake_s: float = HANDSHAKE_S) -> type[AnyLoop]:
    """That kind of loop, whose servers let go of a peer that does not finish its TLS handshake in time.

    uvicorn leaves it at a minute, in which nobody counts the connection: it is ours only after the handshake.
    """

    class Impatient(loop):  # type: ignore[valid-type, misc]  # whichever loop it is
        async def create_server(self, *args: Any, **options: Any) -> Any:
            if options.get("ssl") is not None:
                options.setdefault("ssl_handshake_timeout", handshake_s)
            return await super().create_server(*args, **options)

    return Impatient


# ── where certificates come from ──────────────────────────────────────────────────────────────────


class _Given:
    """Files of the operator, which a renewal replaces."""

    def __init__(self, certificate: Path, key: Path, now: Now) -> None:
        self._certificate = certificate
        self._key = key
        self._now = now
        self._seen: tuple[int, ...] = ()

    def load(self, context: ssl.SSLContext) -> Shown:
        self._seen = self._look()
        try:
            chain = x509.load_pem_x509_certificates(self._certificate.read_bytes())
            # A password would be asked for at the terminal; nobody sits there.
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        except OSError as error:
            # ssl.SSLError is one, too: a key of another certificate, or no key at all.
            why = os.strerror(error.errno) if error.errno and not isinstance(error, ssl.SSLError) else str(error)
            raise ConfigError(f"tls: {self._certificate} with {self._key} cannot be used: {why}") from error
        except ValueError as error:
            raise ConfigError(f"tls.certificate: {self._certificate} is no PEM certificate") from error
        leaf = chain[0]
        if leaf.not_valid_after_utc <= self._now():
            raise ConfigError(f"tls.certificate: {self._certificate} has run out on {leaf.not_valid_after_utc:%F}")
        return Shown(fingerprint(leaf), leaf.not_valid_after_utc, False, _from_known_authority(chain))

    def stale(self) -> bool:
        return self._look() != self._seen

    def _look(self) -> tuple[int, ...]:
        try:
            return tuple(path.stat().st_mtime_ns for path in (self._certificate, self._key))
        except OSError:
            return self._seen  # in the middle of being replaced


class _MadeHere:
    """One file with key and certificate, so that the two always belong together."""

    def __init__(self, path: Path, names: tuple[str, ...], now: Now) -> None:
        self._path = path
        self._names = names
        self._now = now

    def load(self, context: ssl.SSLContext) -> Shown:
        certificate = self._usable()
        if certificate is None:
            key, certificate = make_certificate(self._names, self._now())
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_whole(self._path, pem + certificate.public_bytes(serialization.Encoding.PEM))
        try:
            context.load_cert_chain(self._path)
        except OSError as error:
            raise ConfigError(f"tls: {self._path} is damaged ({error}); remove it, and a new one is made") from error
        return Shown(fingerprint(certificate), certificate.not_valid_after_utc, True, False)

    def stale(self) -> bool:
        return self._usable() is None

    def _usable(self) -> x509.Certificate | None:
        """What lies there, if it is good for long enough and for these names."""
        try:
            certificate = x509.load_pem_x509_certificate(self._path.read_bytes())
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, x509.ExtensionNotFound):
            return None
        held = {str(name.value) for name in names}
        late = certificate.not_valid_after_utc - RENEWED_BEFORE <= self._now()
        early = certificate.not_valid_before_utc > self._now()  # the clock has been set back
        return None if late or early or not held.issuperset(self._names) else certificate


def make_certificate(names: Iterable[str], now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A key on P-256 and a certificate for these names and addresses, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vivavoce")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 as browsers show it: `AB:CD:…`."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


# ── inside ────────────────────────────────────────────────────────────────────────────────────────


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _names(server: Server) -> tuple[str, ...]:
    """Under which people may open the page."""
    own = () if server.host in _WILDCARDS else (server.host,)
    return tuple(dict.fromkeys(("localhost", "127.0.0.1", "::1", socket.gethostname(), *own, *server.hosts)))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name.lower())


def _from_known_authority(chain: list[x509.Certificate]) -> bool:
    if chain[0].issuer == chain[0].subject:
        return False
    with warnings.catch_warnings():
        # Among the authorities that browsers know is one with a serial number that is against the rules.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        roots = x509.load_pem_x509_certificates(Path(certifi.where()).read_bytes())
    try:
        names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (name, *_) = names.get_values_for_type(x509.DNSName)
        policy = verification.PolicyBuilder().store(verification.Store(roots))
        policy.build_server_verifier(x509.DNSName(name.replace("*", "a"))).verify(chain[0], chain[1:])
    except (verification.VerificationError, UnsupportedAlgorithm, x509.ExtensionNotFound, ValueError):
        return False
    return True


def _no_password() -> str:
    raise ConfigError("tls.key is protected by a password; store it without one, readable for this user alone")
