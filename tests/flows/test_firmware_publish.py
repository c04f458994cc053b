"""Publishing that dies at any write, and devices that look in between."""

from contextlib import suppress

import pytest
from tests.firmware_world import NOW_S, Signer
from tests.sample_firmware import NEW_BYTES, image

from hotsite.adapters.trusted_firmware import verify
from hotsite.core.firmware import FirmwareRefusedError, Reason
from hotsite.core.firmware_files import PART_BYTES_MAX
from hotsite.errors import (
    AlreadyUsedError,
    InvalidInputError,
    NotFoundError,
    UnreachableError,
)
from hotsite.flows.firmware_publish import publish
from hotsite.flows.firmware_serving import serve
from hotsite.sim.firmware import SimFiles


@pytest.fixture
def signer(tmp_path):
    return Signer(tmp_path / "signed").begin()


def run(signer, there):
    def read(name):
        return (signer.folder / name).read_bytes()

    return publish(signer.repository.files(), read, there)


def listed(signer, there):
    found = verify(there.read, signer.root(), NOW_S)
    return None if found is None else [one.version for one in found.images]


def test_timestamp_is_written_last_and_again_is_nothing(signer):
    there = SimFiles()
    signer.release()
    done = run(signer, there)
    assert done.written == tuple(there.written)
    assert there.written[-1] == "metadata/timestamp.json"
    assert listed(signer, there) == ["1.1.0"]
    again = run(signer, there)
    assert (again.written, again.kept) == ((), len(done.written))


def test_killed_at_any_write_devices_find_the_old_or_the_new_and_it_goes_on(signer):
    base = SimFiles()
    signer.release()
    run(signer, base)
    signer.release(image(b"next", name="hs-1/app-1.2.0.bin", version="1.2.0"), b"next")
    for writes in range(5):
        there = cut_off(signer, base, writes)
        assert listed(signer, there) in (["1.1.0"], ["1.1.0", "1.2.0"])
        there.writes_left = None
        run(signer, there)
        assert listed(signer, there) == ["1.1.0", "1.2.0"]


def cut_off(signer, base, writes):
    there = SimFiles()
    there.files = dict(base.files)
    there.writes_left = writes
    with suppress(UnreachableError):
        run(signer, there)
    return there


def test_a_new_key_and_what_it_signs_are_one_write_apart(signer):
    base = SimFiles()
    run(signer.release(), base)
    signer.change_keys("timestamp", "snapshot", "targets")
    refused = []
    for writes in range(6):
        there = cut_off(signer, base, writes)
        try:
            assert listed(signer, there) == ["1.1.0"]
        except FirmwareRefusedError as error:
            refused.append((there.written[-1], error.reason))
    # Roots 2, 3 and 4 are there, and the timestamp is not yet.
    roots = [f"metadata/{number}.root.json" for number in (2, 3, 4)]
    assert refused == [(name, Reason.WRONG_KEY) for name in roots]


def test_an_older_repository_and_another_history_are_refused(signer, tmp_path):
    there = SimFiles()
    signer.release()
    run(signer, there)
    other = Signer(tmp_path / "other", signer.keys).begin()
    before = dict(there.files)
    with pytest.raises(AlreadyUsedError, match="for a rollback"):
        run(other, there)
    other = Signer(tmp_path / "strange").begin()
    for _ in range(3):
        other.release()
    with pytest.raises(AlreadyUsedError, match="with other bytes"):
        run(other, there)
    assert there.files == before


def test_what_is_no_metadata_is_never_written_over(signer):
    there = SimFiles()
    there.files["metadata/timestamp.json"] = b"<html>"
    with pytest.raises(InvalidInputError):
        run(signer, there)
    assert there.written == []


@pytest.fixture
def there(signer):
    found = SimFiles()
    run(signer.release(), found)
    return found


TARGET = f"targets/hs-1/{image().sha256}.app-1.1.0.bin"


def test_a_file_is_served_whole_and_in_parts(there):
    whole = serve(there, TARGET, None)
    assert (whole.status, whole.content) == (200, NEW_BYTES)
    assert "immutable" in whole.headers["cache-control"]
    part = serve(there, TARGET, "bytes=4-9")
    assert (part.status, part.content) == (206, NEW_BYTES[4:10])
    assert part.headers["content-range"] == f"bytes 4-9/{len(NEW_BYTES)}"
    end = serve(there, TARGET, "bytes=40-999999999")
    assert end.headers["content-range"] == "bytes 40-45/46"
    fresh = serve(there, "metadata/timestamp.json", None)
    assert fresh.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "wanted", "error"),
    [
        ("metadata/9.root.json", None, NotFoundError),
        ("metadata/9.root.json", "bytes=0-1", NotFoundError),
        ("secret.txt", None, NotFoundError),
        ("targets/../../etc/passwd", None, NotFoundError),
        ("", None, NotFoundError),
        (TARGET, "bytes=0-", InvalidInputError),
        (TARGET, "bytes=-5", InvalidInputError),
        (TARGET, "bytes=5-4", InvalidInputError),
        (TARGET, "bytes=0-1,3-4", InvalidInputError),
        (TARGET, "lines=0-1", InvalidInputError),
        (TARGET, "bytes=46-50", InvalidInputError),
    ],
)
def test_what_cannot_be_served_is_said(there, name, wanted, error):
    with pytest.raises(error):
        serve(there, name, wanted)


def test_what_does_not_fit_into_an_answer_is_asked_for_in_parts(there):
    there.files[TARGET] = b"x" * (PART_BYTES_MAX + 1)
    with pytest.raises(InvalidInputError):
        serve(there, TARGET, None)
    assert len(serve(there, TARGET, f"bytes=0-{10**9}").content) == PART_BYTES_MAX
