"""Check a certificate signing request before a Region is asked to sign it."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hotsite.errors import InvalidInputError

# "The CSR must include a public key that is either an RSA key with a length of
# at least 2048 bits or an ECC key from NIST P-256, NIST P-384, or NIST P-521
# curves" (botocore model of AWS IoT, CreateCertificateFromCsr).
_RSA_BITS_MIN = 2048
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
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise InvalidInputError(
            "csr is not a PEM certificate signing request"
        ) from error
    if not is_signed:
        raise InvalidInputError("csr is not signed by its own key")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS_MIN:
        return
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return
    raise InvalidInputError(
        "csr needs an RSA key of 2048 bits or more, or one on P-256, P-384 or P-521"
    )
