"""Registry values for tests: certificates that hash to their id, cheaply."""

import base64
import hashlib

from hotsite.core.registry import Certificate, CertificateStatus


def certificate(label, status=CertificateStatus.ACTIVE, policies=()):
    """A certificate whose DER form is just a label."""
    der = f"certificate {label}".encode()
    body = base64.encodebytes(der).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
    return Certificate(hashlib.sha256(der).hexdigest(), pem, status, policies)
