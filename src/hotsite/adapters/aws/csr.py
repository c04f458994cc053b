"""Check a certificate signing request before a Region is asked to sign it."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from hotsite.errors import InvalidInputError

# "The CSR must include a public key that is either an RSA key with a length of
# at least 2048 bits or an ECC key from NIST P-256, NIST P-384, or NIST P-521
# curves" (botocore model of AWS IoT, CreateCertificateFromCsr).
_RSA_BITS_MIN = 2048
# Ours: beyond it a handshake costs a small device seconds.
_RSA_BITS_MAX = 4096
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


def check(csr_pem: str) -> None:
    """Refuse what is not a signing request that AWS IoT would take.

    Args:
        csr_pem: The request in PEM form.

    Raises:
        InvalidInputError: It cannot be read, its signature does not match its
            key (so the sender need not have the key), or the key is too weak.
    """
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        is_signed = request.is_signature_valid
        key = request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise InvalidInputError(
            "csr is not a PEM certificate signing request"
        ) from error
    if not is_signed:
        raise InvalidInputError("csr is not signed by its own key")
    if (
        isinstance(key, rsa.RSAPublicKey)
        and _RSA_BITS_MIN <= key.key_size <= _RSA_BITS_MAX
    ):
        return
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return
    raise InvalidInputError(
        "csr needs an RSA key of 2048 to 4096 bits, or one on P-256, P-384 or P-521"
    )


def check_for(csr_pem: str, thing: str) -> None:
    """Refuse a signing request that is not good, or names another than the thing.

    AWS IoT copies the subject into the certificate, and who looks at a certificate
    alone believes its common name. One without a common name claims nothing.

    Args:
        csr_pem: The request in PEM form.
        thing: Name of the thing, the claim's id.

    Raises:
        InvalidInputError: As ``check``, or its common name is another one.
    """
    check(csr_pem)
    try:
        subject = x509.load_pem_x509_csr(csr_pem.encode()).subject
        names = [
            one.value for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        ]
    except ValueError as error:
        raise InvalidInputError("csr has a subject that cannot be read") from error
    if any(name != thing for name in names):
        raise InvalidInputError(
            f"csr: the common name of its subject must be the claim's id, {thing}"
        )
