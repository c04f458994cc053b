"""The SoftAP: the whole course over sockets, and what else may knock."""

import asyncio

import pytest
from tests.pan.pan_world import LABEL, DirectLink, make_device
from tests.pan.test_pan_device import course

from hotsite.adapters.pan_http import HttpDoor
from hotsite.adapters.pan_http_link import HttpReach
from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.core.pan import Endpoint
from hotsite.errors import UnreachableError
from hotsite.flows.companion import WaitError, onboard, open_session


@pytest.fixture
async def served(tmp_path):
    device = make_device(tmp_path)
    door = HttpDoor(device)
    await door.open("127.0.0.1", 0)
    yield device, door
    await door.close()


async def ask(door, text, body=b""):
    """Send bytes; return status, headers and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(text.replace("\n", "\r\n").encode("latin-1") + body)
    writer.write_eof()
    answer = (await reader.read()).decode("latin-1")
    writer.close()
    head, _, rest = answer.partition("\r\n\r\n")
    lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return (int(lines[0].split()[1]) if head else 0), headers, rest


async def test_a_device_is_provisioned_over_http(served):
    device, door = served
    reach = HttpReach(f"127.0.0.1:{door.port}")
    link = await reach.connect(LABEL)
    session = await open_session(link, LABEL, PhoneSecurity())
    assert (await onboard(session, course(device)))["state"] == "provisioned"
    other = await reach.connect(LABEL)
    with pytest.raises(WaitError, match="busy"):
        await open_session(other, LABEL, PhoneSecurity())
    # The same phone may begin again at any time.
    await open_session(link, LABEL, PhoneSecurity())
    for one in (link, other):
        await one.close()


async def test_a_page_may_ask_from_anywhere_and_is_told_its_session(served):
    _, door = served
    status, headers, body = await ask(door, "OPTIONS /info HTTP/1.1\nHost: x\n\n")
    assert (status, body) == (204, "")
    assert headers["access-control-allow-origin"] == "*"
    assert headers["access-control-allow-private-network"] == "true"
    status, headers, body = await ask(door, "POST /proto-ver HTTP/1.1\n\n")
    assert status == 200
    assert '"sec_patch_ver":1' in body
    token = headers["x-session"]
    assert headers["set-cookie"] == f"session={token}"
    for header in (f"X-Session: {token}", f"Cookie: session={token}"):
        _, again, _ = await ask(door, f"POST /proto-ver HTTP/1.1\n{header}\n\n")
        assert again["x-session"] == token


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("GET /info HTTP/1.1\n\n", 405),
        ("POST /nothing HTTP/1.1\n\n", 404),
        ("POST /../identity.json HTTP/1.1\n\n", 404),
        ("POST /info HTTP/1.1\n\n", 401),
        ("POST /prov-session HTTP/1.1\n\n", 400),
        ("POST /info HTTP/1.1\nContent-Length: 481\n\n", 413),
        ("POST /info HTTP/1.1\nContent-Length: " + "9" * 5000 + "\n\n", 413),
        ("POST /info HTTP/1.1\nContent-Length: -1\n\n", 400),
        ("POST /info HTTP/1.1\nTransfer-Encoding: chunked\n\n", 400),
        ("nonsense\n\n", 400),
        ("x" * 9000, 0),
        ("POST /info HTTP/1.1\nContent-Length: 5\n\n", 0),
    ],
)
async def test_what_is_no_request_gets_its_status_and_the_next_is_served(
    served, text, status
):
    _, door = served
    assert (await ask(door, text))[0] == status
    assert (await ask(door, "POST /proto-ver HTTP/1.1\n\n"))[0] == 200


async def test_a_link_to_nobody_says_so(served):
    _, door = served
    await door.close()
    link = await HttpReach(f"127.0.0.1:{door.port}").connect(LABEL)
    with pytest.raises(UnreachableError, match="does not answer"):
        await link.exchange(Endpoint.PROTO_VER, b"---")


async def test_radio_and_wifi_are_one_device(served):
    device, door = served
    await open_session(DirectLink(device), LABEL, PhoneSecurity())
    link = await HttpReach(f"127.0.0.1:{door.port}").connect(LABEL)
    with pytest.raises(WaitError, match="busy"):
        await open_session(link, LABEL, PhoneSecurity())
    await link.close()


async def test_a_door_that_closes_hangs_up_on_who_is_connected(served):
    _, door = served
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"POST /proto-ver HTTP/1.1\r\n\r\n")
    assert await reader.readuntil(b"}}")
    await door.close()
    assert await reader.read(1) == b""
    writer.close()
    await writer.wait_closed()
