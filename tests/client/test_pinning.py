"""Trust in one certificate: a server with a self-made one, and somebody in between with another."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from vivavoce.client import VivavoceClient, trusting
from vivavoce.errors import BackendUnavailable, BadInput, Refused

pytestmark = pytest.mark.real

ANSWER = b'{"user": null, "name": "ann", "role": "user", "via": "token", "permissions": []}'


def self_made(folder: Path, name: str) -> tuple[Path, str]:
    """A PEM file with key and certificate, and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return file, hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


@asynccontextmanager
async def serving(file: Path) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A TLS server that answers every request alike; its address, and what it has read."""
    read: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            read.append(await reader.readuntil(b"\r\n\r\n"))
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
            writer.write(head + str(len(ANSWER)).encode() + b"\r\n\r\n" + ANSWER)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", read


async def test_the_certificate_with_this_fingerprint_is_trusted_and_no_other(tmp_path: Path) -> None:
    ours, fingerprint = self_made(tmp_path, "ours")
    theirs, _ = self_made(tmp_path, "theirs")
    async with serving(ours) as (address, read):
        shown = ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
        trust = await asyncio.to_thread(trusting, address, shown)
        async with VivavoceClient(address, token="secret", trust=trust) as client:
            assert (await client.me.get()).name == "ann"
        assert b"Bearer secret" in read[-1]
    async with serving(theirs) as (address, read):
        with pytest.raises(Refused, match="another certificate"):
            await asyncio.to_thread(trusting, address, fingerprint)
        async with VivavoceClient(address, token="secret", trust=trust) as client:
            with pytest.raises(BackendUnavailable):
                await client.me.get()
        assert read == [], "nothing was said to the other one"


@pytest.mark.parametrize(
    ("address", "fingerprint"),
    [("https://127.0.0.1:1", "abc"), ("http://127.0.0.1:1", "a" * 64), ("https://x", "z" * 64)],
)
def test_what_is_no_fingerprint_is_refused(address: str, fingerprint: str) -> None:
    with pytest.raises(BadInput):
        trusting(address, fingerprint)


def test_nobody_there() -> None:
    with pytest.raises(BackendUnavailable):
        trusting("https://127.0.0.1:1", "a" * 64)
