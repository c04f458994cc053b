"""Where devices find firmware, in memory and in a real bucket alike."""

import hashlib

import pytest
from tests.contract.world import NOBODY_LISTENS_PORT, Cloud, make_bucket

from hotsite.adapters.aws.firmware_bucket import S3FirmwareFiles
from hotsite.core.firmware_files import Part
from hotsite.errors import InvalidInputError, NotFoundError, UnreachableError
from hotsite.sim.firmware import SimFiles

NAME = "metadata/timestamp.json"


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def files(request):
    if request.param == "sim":
        return SimFiles()
    cloud = Cloud.local(request.getfixturevalue("region"))
    return S3FirmwareFiles(cloud.client("s3"), make_bucket(cloud))


def test_what_is_not_there_is_none_and_no_error(files):
    assert files.read(NAME) is None
    assert files.digest(NAME) is None
    assert files.read_part(NAME, Part(0, 3)) is None


def test_what_was_written_is_there_with_its_digest(files):
    files.write(NAME, b"first")
    files.write(NAME, b"again")
    assert files.read(NAME) == b"again"
    assert files.digest(NAME) == hashlib.sha256(b"again").hexdigest()


def test_parts_tell_the_length_of_all_and_end_with_it(files):
    files.write(NAME, b"0123456789")
    assert files.read_part(NAME, Part(2, 4)) == (b"234", 10)
    assert files.read_part(NAME, Part(8, 99)) == (b"89", 10)
    with pytest.raises(InvalidInputError):
        files.read_part(NAME, Part(10, 12))


@pytest.mark.local
def test_a_bucket_that_is_not_there_is_not_an_empty_one(region):
    files = S3FirmwareFiles(Cloud.local(region).client("s3"), "no-such-bucket-here")
    with pytest.raises(NotFoundError):
        files.read(NAME)
    with pytest.raises(NotFoundError):
        files.write(NAME, b"x")


@pytest.mark.local
def test_a_region_that_does_not_answer_is_no_missing_file(region):
    url = f"http://{region.config.address}:{NOBODY_LISTENS_PORT}"
    files = S3FirmwareFiles(Cloud.local(region, url).client("s3"), "nowhere")
    for ask in (
        lambda: files.read(NAME),
        lambda: files.digest(NAME),
        lambda: files.read_part(NAME, Part(0, 1)),
        lambda: files.write(NAME, b"x"),
    ):
        with pytest.raises(UnreachableError):
            ask()
