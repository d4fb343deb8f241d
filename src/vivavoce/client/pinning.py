"""Trust in one certificate, by its fingerprint: for self-made ones, which no authority vouches for.

The certificate is fetched, compared, and then the only one that this client trusts; nothing has been sent before.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from urllib.parse import urlsplit

from vivavoce.errors import BackendUnavailable, BadInput, Refused

WAIT_S = 10.0


def trusting(base_url: str, fingerprint: str) -> ssl.SSLContext:
    """A context for that server only. Blocks on the network; raises Refused when its certificate is another one."""
    wanted = fingerprint.replace(":", "").replace(" ", "").lower().removeprefix("sha256")
    if len(wanted) != 64 or any(one not in "0123456789abcdef" for one in wanted):
        raise BadInput("a fingerprint is the SHA-256 of the certificate: 64 hex digits, with or without colons")
    parts = urlsplit(base_url)
    if parts.scheme != "https" or not parts.hostname:
        raise BadInput("a fingerprint belongs to an https address")
    try:
        pem = ssl.get_server_certificate((parts.hostname, parts.port or 443), timeout=WAIT_S)
    except OSError as error:
        raise BackendUnavailable(f"{base_url} does not answer: {error}", code="unreachable") from error
    shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    if not hmac.compare_digest(shown, wanted):
        raise Refused(
            f"{base_url} shows another certificate (SHA-256 {shown}): compare it with the one that the server prints",
            code="certificate",
        )
    context = ssl.create_default_context(cadata=pem)
    # It is this one certificate that is trusted, whatever name or address the server was reached by.
    context.check_hostname = False
    return context
