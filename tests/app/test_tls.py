from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from channels.server import eventually, serving
from vivavoce.app.settings.values import Server, Tls
from vivavoce.app.tls import LIFE, RENEWED_BEFORE, Encryption, encryption, fingerprint, impatient, make_certificate
from vivavoce.conversation import outputs
from vivavoce.errors import ConfigError

BEGAN = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
OPEN = Server(host="0.0.0.0", hosts=("voice.example", "192.0.2.7"))


class Days:
    """A clock that days are added to."""

    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self) -> datetime:
        return self.now


def made(folder: Path, clock: Callable[[], datetime] = lambda: BEGAN, server: Server = OPEN) -> Encryption:
    found = encryption(server, Tls(), folder, now=clock)
    assert found is not None
    return found


def written(folder: Path, names: tuple[str, ...] = ("voice.example",), now: datetime = BEGAN) -> Tls:
    """Files as an operator has them."""
    key, certificate = make_certificate(names, now)
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Tls(certificate=str(folder / "cert.pem"), key=str(folder / "key.pem"))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_needs_none(host: str, tmp_path: Path) -> None:
    assert encryption(Server(host=host), Tls(), tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_elsewhere_plain_http_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"fingerprint.*behind_proxy.*ssh -L"):
        encryption(OPEN, Tls(), tmp_path, off=True)


def test_behind_a_proxy_that_is_named_there_is_none(tmp_path: Path) -> None:
    behind = Tls(behind_proxy=True)
    with pytest.raises(ConfigError, match="trusted_proxies"):
        encryption(OPEN, behind, tmp_path)
    assert encryption(Server(host="0.0.0.0", trusted_proxies=("10.0.0.1",)), behind, tmp_path) is None


def test_without_a_certificate_one_is_made_and_kept_for_our_eyes_only(tmp_path: Path) -> None:
    first = made(tmp_path)
    file = tmp_path / "tls.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    assert first.shown.fingerprint == fingerprint(certificate)
    assert len(first.shown.fingerprint) == 32 * 3 - 1
    assert (first.shown.made_here, first.shown.known_authority) == (True, False)
    assert first.shown.expires == BEGAN + LIFE
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "voice.example"} <= set(names.get_values_for_type(x509.DNSName))
    assert {"127.0.0.1", "::1", "192.0.2.7"} <= {str(one) for one in names.get_values_for_type(x509.IPAddress)}
    assert made(tmp_path).shown == first.shown


def test_thirty_days_before_its_end_it_is_renewed_also_while_serving(tmp_path: Path) -> None:
    clock = Days()
    serving = made(tmp_path, clock)
    first = serving.shown
    clock.now += LIFE - RENEWED_BEFORE - timedelta(days=1)
    assert not serving.refresh()
    clock.now += timedelta(days=2)
    assert serving.refresh()
    assert serving.shown.fingerprint != first.fingerprint
    assert made(tmp_path, clock).shown == serving.shown


def test_another_name_makes_another_certificate_and_a_damaged_file_too(tmp_path: Path) -> None:
    first = made(tmp_path).shown
    second = made(tmp_path, server=Server(host="0.0.0.0", hosts=("other.example",))).shown
    assert second.fingerprint != first.fingerprint
    (tmp_path / "tls.pem").write_text("half a")
    assert made(tmp_path).shown.fingerprint != second.fingerprint


def test_the_operators_certificate_is_used_on_loopback_too(tmp_path: Path) -> None:
    tls = written(tmp_path)
    for host in ("0.0.0.0", "127.0.0.1"):
        found = encryption(Server(host=host), tls, tmp_path, now=lambda: BEGAN)
        assert found is not None
        assert (found.shown.made_here, found.shown.known_authority) == (False, False)
    assert not (tmp_path / "tls.pem").exists()


def test_a_certificate_that_was_replaced_is_taken_and_a_broken_one_is_not(tmp_path: Path) -> None:
    found = encryption(OPEN, written(tmp_path), tmp_path, now=lambda: BEGAN)
    assert found is not None
    first = found.shown
    assert not found.refresh()
    written(tmp_path)
    assert found.refresh()
    assert found.shown.fingerprint != first.fingerprint
    (tmp_path / "cert.pem").write_text("nothing")
    assert not found.refresh()


def test_what_cannot_be_used_stops_the_start_with_the_reason(tmp_path: Path) -> None:
    tls = written(tmp_path)
    for broken, why in (
        (Tls(certificate=tls.certificate), "belong together"),
        (Tls(certificate=str(tmp_path / "none.pem"), key=tls.key), "No such file"),
        (Tls(certificate=tls.key, key=tls.key), "no PEM certificate"),
    ):
        with pytest.raises(ConfigError, match=why):
            encryption(OPEN, broken, tmp_path, now=lambda: BEGAN)
    with pytest.raises(ConfigError, match="run out"):
        encryption(OPEN, tls, tmp_path, now=lambda: BEGAN + LIFE + timedelta(days=1))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ConfigError, match="cannot be used"):
        encryption(OPEN, Tls(certificate=tls.certificate, key=written(other).key), tmp_path, now=lambda: BEGAN)


def test_a_key_with_a_password_is_refused_by_name(tmp_path: Path) -> None:
    key, certificate = make_certificate(("voice.example",), BEGAN)
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    locked = serialization.BestAvailableEncryption(b"secret")
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    with pytest.raises(ConfigError, match="password"):
        encryption(
            OPEN,
            Tls(certificate=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem")),
            tmp_path,
            now=lambda: BEGAN,
        )


def test_a_private_authority_is_no_known_one(tmp_path: Path) -> None:
    key, authority = make_certificate(("authority.example",), BEGAN)
    own = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "voice.example")]))
        .issuer_name(authority.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGAN)
        .not_valid_after(BEGAN + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("voice.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(pem) + authority.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(
        own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    tls = Tls(certificate=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem"))
    found = encryption(OPEN, tls, tmp_path, now=lambda: BEGAN)
    assert found is not None
    assert not found.shown.known_authority


async def talks_encrypted(folder: Path) -> None:
    """A page, a conversation with large sound both ways, and a refusal, all over one TLS port."""
    encrypted = encryption(OPEN, Tls(), folder)
    assert encrypted is not None
    client = ssl.create_default_context(cafile=str(folder / "tls.pem"))
    async with serving(**encrypted.uvicorn_options()) as made:
        async with httpx.AsyncClient(verify=client) as http:
            answer = await http.get(f"https://127.0.0.1:{made.port}/health")
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        url = f"wss://localhost:{made.port}"
        async with connect(f"{url}/ws/duplex/kitchen-1", ssl=client, origin=f"https://localhost:{made.port}") as talk:
            await talk.send('{"type": "prepare"}')
            while json.loads(await talk.recv())["type"] != "prepared":
                pass
            session = made.sessions.session
            await talk.send(bytes([1, 0]) * 50_000)
            await eventually(lambda: len(session.heard) == 100_000)
            session.outlet.send(outputs.ReplyAudio(1, 0, b"\7\0" * 100_000))
            assert len(await talk.recv()) == 8 + 200_000
        await eventually(lambda: session.detached and not len(made.gateway) and len(made.census) == 0)
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{url}/ws/nothing", ssl=client)
        assert caught.value.response.status_code == 404
        # Who speaks plain HTTP here learns nothing, and harms nobody.
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP" not in await reader.read()
        writer.close()


async def waits_for_a_handshake(folder: Path) -> None:
    encrypted = encryption(OPEN, Tls(), folder)
    assert encrypted is not None
    async with serving(**encrypted.uvicorn_options()) as made:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"\x16\x03\x01")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.journey
@pytest.mark.parametrize("loop", [uvloop.Loop, asyncio.SelectorEventLoop])
def test_who_does_not_finish_the_handshake_is_let_go(loop: type[asyncio.AbstractEventLoop], tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=impatient(loop, 0.2)) as runner:
        runner.run(waits_for_a_handshake(tmp_path))


@pytest.mark.journey
async def test_pages_and_conversations_share_an_encrypted_port(tmp_path: Path) -> None:
    await talks_encrypted(tmp_path)


@pytest.mark.journey
def test_the_same_under_uvloop(tmp_path: Path) -> None:
    uvloop.run(talks_encrypted(tmp_path))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.real
async def test_only_tls_1_2_with_aead_and_1_3_are_spoken(tmp_path: Path) -> None:
    found = encryption(OPEN, Tls(), tmp_path)
    assert found is not None
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=found.context)
    port = server.sockets[0].getsockname()[1]

    async def spoken(version: ssl.TLSVersion, ciphers: str | None = None) -> tuple[str, ...]:
        client = ssl.create_default_context(cafile=str(tmp_path / "tls.pem"))
        client.minimum_version = client.maximum_version = version
        client.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        cipher: tuple[str, ...] = writer.get_extra_info("cipher")
        writer.close()
        return cipher

    async with server:
        assert (await spoken(ssl.TLSVersion.TLSv1_3))[1] == "TLSv1.3"
        assert "GCM" in (await spoken(ssl.TLSVersion.TLSv1_2))[0]
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await spoken(ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256:AES128-SHA")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await spoken(ssl.TLSVersion.TLSv1_1)
