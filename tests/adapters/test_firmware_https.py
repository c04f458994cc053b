"""Firmware over HTTPS, by the owner's names only, through the death of a site."""

import ssl

import pytest
from tests.agent.authority import Authority
from tests.firmware_site import Where, site
from tests.firmware_world import NOW_S, Signer
from tests.sample_firmware import NEW_BYTES, image

from hotsite.adapters.firmware_https import Doors, HttpsFetcher
from hotsite.adapters.trusted_firmware import TrustedFirmware
from hotsite.errors import InvalidInputError, UnreachableError

A, B = "127.0.32.1", "127.0.32.2"
NAMES = ("api.hotsite.test", "api-a.hotsite.test", "api-b.hotsite.test")
BIG = NEW_BYTES * 60_000
PARTS = 3


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed")
    return Signer(folder).begin().release(image(BIG), BIG)


@pytest.fixture
def source(authority, signer, tmp_path):
    def make(where, names=NAMES):
        context = ssl.create_default_context(cafile=str(authority.path))
        doors = Doors(names, 18443, where, context, patience_s=2.0, rounds_max=1)
        return TrustedFirmware(HttpsFetcher(doors), tmp_path / "trust", signer.root())

    return make


def test_an_image_comes_in_parts_and_whole(authority, signer, source):
    with site(signer.folder, authority, A) as asked:
        found = source(Where(api=A))
        (offer,) = found.catalogue(NOW_S).images
        assert b"".join(found.fetch(offer)) == BIG
    parts = [wanted for path, wanted in asked if "/targets/" in path]
    assert len(parts) == PARTS
    assert parts[1] == "bytes=1048576-2097151"


def test_a_site_that_dies_during_a_download_costs_nothing_but_the_other_site(
    authority, signer, source
):
    # Four files of metadata, one of which is not there, and the first part.
    with (
        site(signer.folder, authority, A, answers_max=5) as first,
        site(signer.folder, authority, B) as second,
    ):
        found = source(Where(api=A, **{"api-a": A, "api-b": B}))
        (offer,) = found.catalogue(NOW_S).images
        assert b"".join(found.fetch(offer)) == BIG
    assert len(first) == 5
    assert [wanted for _, wanted in second] == [
        "bytes=1048576-2097151",
        "bytes=2097152-3145727",
    ]


def test_nobody_who_answers_is_an_error_to_try_again(source):
    with pytest.raises(UnreachableError):
        source(Where(api=A)).catalogue(NOW_S)
    with pytest.raises(UnreachableError, match="does not resolve"):
        source(Where()).catalogue(NOW_S)


def test_a_certificate_of_somebody_else_is_not_talked_to(signer, source, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    with (
        site(signer.folder, stranger, A),
        pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        source(Where(api=A)).catalogue(NOW_S)


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("s3.eu-central-1.amazonaws.com",),
        ("api.hotsite.test", "x.execute-api.eu-west-1.amazonaws.com"),
        ("not a name",),
    ],
)
def test_a_device_asks_the_owners_names_only(source, names):
    with pytest.raises(InvalidInputError):
        source(Where(), names=names)
