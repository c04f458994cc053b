"""The local authority: what it signs is trusted, reused, and renewed in time."""

import datetime as dt
import socket
import ssl
import threading

import pytest
from cryptography import x509

from hotsite.errors import InvalidInputError
from hotsite.local.certificates import SERVER_DAYS, Authority

NOW = dt.datetime.now(dt.UTC)
NAMES = ("iot.hotsite.test", "iot-a.hotsite.test")


def handshake(authority, pair, name):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.private_key)
    client = ssl.create_default_context(cafile=str(authority.pair.certificate))
    here, there = socket.socketpair()

    def answer():
        try:
            server.wrap_socket(there, server_side=True).close()
        except OSError:
            there.close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname=name) as secured:
            return secured.getpeercert()
    finally:
        thread.join()


def test_a_client_that_trusts_the_authority_accepts_each_name(tmp_path):
    authority = Authority(tmp_path, NOW)
    pair = authority.server("iot", NAMES)
    for name in NAMES:
        assert handshake(authority, pair, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority, pair, "api.hotsite.test")


def test_an_address_is_a_name_too(tmp_path):
    authority = Authority(tmp_path, NOW)
    pair = authority.server("issuer", ["127.0.1.53"])
    assert handshake(authority, pair, "127.0.1.53")


def test_a_strict_client_accepts_it(tmp_path):
    authority = Authority(tmp_path, NOW)
    pair = authority.server("iot", NAMES)
    leaf = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    root = x509.load_pem_x509_certificate(authority.pair.certificate.read_bytes())
    store = x509.verification.Store([root])
    verifier = x509.verification.PolicyBuilder().store(store)
    chain = verifier.build_server_verifier(x509.DNSName(NAMES[0])).verify(leaf, [])
    assert chain[-1] == root


def test_keys_are_readable_by_their_owner_only(tmp_path):
    authority = Authority(tmp_path, NOW)
    pair = authority.server("iot", NAMES)
    for path in (pair.private_key, authority.pair.private_key):
        assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_still_good_is_used_again(tmp_path):
    first = Authority(tmp_path, NOW).server("iot", NAMES).certificate.read_bytes()
    later = Authority(tmp_path, NOW + dt.timedelta(days=30))
    assert later.server("iot", NAMES).certificate.read_bytes() == first


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda p: p.certificate.unlink(), id="certificate gone"),
        pytest.param(lambda p: p.private_key.write_text("x"), id="key unreadable"),
        pytest.param(lambda p: p.certificate.write_text("x"), id="not a certificate"),
    ],
)
def test_what_is_spoilt_is_made_again(tmp_path, spoil):
    authority = Authority(tmp_path, NOW)
    spoil(authority.server("iot", NAMES))
    assert handshake(authority, authority.server("iot", NAMES), NAMES[0])


def test_other_names_an_old_date_or_another_authority_make_a_new_one(tmp_path):
    authority = Authority(tmp_path, NOW)
    seen = {authority.server("iot", NAMES).certificate.read_bytes()}
    seen.add(authority.server("iot", NAMES[:1]).certificate.read_bytes())
    late = Authority(tmp_path, NOW + dt.timedelta(days=SERVER_DAYS - 1))
    seen.add(late.server("iot", NAMES[:1]).certificate.read_bytes())
    authority.pair.certificate.unlink()
    seen.add(authority.server("iot", NAMES[:1]).certificate.read_bytes())
    assert len(seen) == 4


@pytest.mark.parametrize("count", [0, 5])
def test_a_certificate_has_one_to_four_names(tmp_path, count):
    with pytest.raises(InvalidInputError, match="1 to 4 names"):
        Authority(tmp_path, NOW).server("iot", ["a.test"] * count)
