"""Devices that lent their keys, in memory and against a small real broker."""

import asyncio

import pytest
from tests.agent.authority import Authority
from tests.agent.broker import Broker, server_tls

from hotsite.adapters.key_folder import KeyFolder
from hotsite.errors import InvalidInputError, RefusedError, UnreachableError
from hotsite.sim.readiness import SimKeys

NAME, SILENT = "iot-b.hotsite.test", "iot-a.hotsite.test"
ADDRESS, PORT = "127.0.51.23", 18885
NOBODY = "127.0.51.24"


class SimLent:
    """Two devices, one of which no site lets in."""

    def __init__(self):
        self.port = SimKeys(("oven-2", "oven-1"), refused={"oven-2"}, silent={SILENT})


class RealLent:
    """The same in a folder; a stranger has issued the second one's certificate."""

    def __init__(self, folder):
        self.authority = Authority(folder)
        lent = folder / "lent"
        (lent / "oven-1").mkdir(parents=True)
        certificate, key = self.authority.issue("oven-1")
        certificate.replace(lent / "oven-1" / "certificate.pem")
        key.replace(lent / "oven-1" / "device.key")
        Authority(lent, name="stranger").issue("oven-2")
        addresses = {NAME: ADDRESS, SILENT: NOBODY}
        pem = self.authority.path.read_text()
        self.port = KeyFolder(lent, pem, PORT, addresses.__getitem__)


@pytest.fixture(params=["sim", "local"])
async def keys(request, tmp_path):
    if request.param == "sim":
        yield SimLent().port
        return
    lent = RealLent(tmp_path)
    broker = await Broker(server_tls(lent.authority, NAME), ADDRESS, PORT).start()
    yield lent.port
    await broker.kill()


async def test_names_are_sorted(keys):
    assert keys.names() == ("oven-1", "oven-2")


async def test_device_connects_in_a_measured_time(keys):
    took_s = await asyncio.to_thread(keys.connect, "oven-1", NAME)
    assert 0 < took_s < 5


async def test_who_is_not_let_in_is_refused(keys):
    with pytest.raises(RefusedError):
        await asyncio.to_thread(keys.connect, "oven-2", NAME)


async def test_site_that_does_not_answer_is_unreachable(keys):
    with pytest.raises(UnreachableError):
        await asyncio.to_thread(keys.connect, "oven-1", SILENT)


def test_folder_without_keys_says_what_should_be_there(tmp_path):
    keys = KeyFolder(tmp_path, "", PORT, str)
    with pytest.raises(InvalidInputError, match="no keys there"):
        keys.names()
