"""A web of one's own: every address of every host answers, and ours redirects.

One port speaks http and https, so that a browser told to look for all hosts there finds them.
"""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.mail.followed import SITE

MAIL = "https://mail.example/"
_TLS_HANDSHAKE = b"\x16"


class Web(ThreadingHTTPServer):
    """Serves `mail` at MAIL, the redirects at SITE's address, and a page everywhere else."""

    daemon_threads = True
    block_on_close = False
    mail = ""

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)

    def process_request_thread(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        try:
            if request.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
                request = self._tls.wrap_socket(request, server_side=True)
        except OSError:  # a connection that the browser opened ahead and did not need
            self.shutdown_request(request)
        else:
            super().process_request_thread(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no error."""


class _Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Web

    def do_GET(self) -> None:
        address = f"https://{self.headers['Host']}{self.path}"
        if address.startswith(f"{SITE.address}/r/"):
            self.send_response(302)
            self.send_header("Location", parse_qs(urlsplit(self.path).query)["u"][0])
            self._answer(b"")
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self._answer(self.server.mail.encode() if address == MAIL else b"arrived")

    def _answer(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: what matters is where the browser arrives."""


@contextmanager
def web(directory: Path) -> Iterator[Web]:
    server = Web(_certificate(directory))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _certificate(directory: Path) -> Path:
    """A certificate for nobody in particular; the browser is told to accept it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.example")])
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day + datetime.timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    path = directory / "web.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
