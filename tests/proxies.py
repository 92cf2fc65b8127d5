"""A forward proxy on this machine that records what it is asked, and a TLS server with a CA of its own."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BODY = b'{"ok": true}'


@dataclass
class RecordingProxy:
    """A proxy at `url`; `asked` has the first line of each request, `logins` what was presented.

    It connects to `upstream` whatever it is asked for, as names of tests lead nowhere; it answers
    `refusal` instead, if that is set.
    """

    upstream: int
    url: str = ""
    refusal: bytes = b""
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").splitlines()
        self.asked.append(lines[0])
        self.logins += [line for line in lines if line.lower().startswith("proxy-authorization:")]
        if self.refusal:
            writer.write(self.refusal)
            writer.close()
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        if lines[0].startswith("CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            up_writer.write(head)
        await asyncio.gather(_relay(reader, up_writer), _relay(up_reader, writer))


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while received := await reader.read(65536):
            writer.write(received)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def recording_proxy(upstream: int) -> AsyncIterator[RecordingProxy]:
    """The proxy, which connects to this port of this machine."""
    proxy = RecordingProxy(upstream)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


@dataclass(frozen=True)
class TlsServer:
    """A server that answers every request with BODY; `ca` is the file with its CA's certificate.

    `named` has the name for which each client asked a certificate.
    """

    port: int
    ca: Path
    named: list[str | None]


@asynccontextmanager
async def tls_server(folder: Path, *names: str) -> AsyncIterator[TlsServer]:
    """A TLS server with a certificate for these names and addresses."""
    context, named = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[str | None]()
    context.load_cert_chain(_certificate(folder, names))
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=context)
    try:
        yield TlsServer(server.sockets[0].getsockname()[1], folder / "ca.pem", named)
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        await reader.readuntil(b"\r\n\r\n")
        length = f"Content-Length: {len(BODY)}\r\nConnection: close\r\n\r\n".encode()
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + BODY)
        await writer.drain()
    writer.close()


def _certificate(folder: Path, names: tuple[str, ...]) -> Path:
    """A file with certificate and key for these names, signed by a new CA, which is in ca.pem."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA of the tests")])
    own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    is_ca = x509.BasicConstraints(ca=True, path_length=None)
    ca = _builder(ca_name, ca_name, ca_key).add_extension(is_ca, critical=True)
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    own = _builder(own_name, ca_name, key).add_extension(alternatives, critical=False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(own.sign(ca_key, hashes.SHA256()).public_bytes(pem) + secret)
    return path


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    return x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), now - day, now + day
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
