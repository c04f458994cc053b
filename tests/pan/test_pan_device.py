"""A device and a phone: the whole course, and everything that can come between."""

import itertools
import json

import pytest
from tests.pan.pan_world import (
    DOMAIN,
    LABEL,
    POP,
    Authority,
    DirectLink,
    SetClock,
    identity,
    make_device,
)

from hotsite.adapters.pan_security import DeviceSecurity, PhoneSecurity
from hotsite.core.label import Label
from hotsite.core.pan import Endpoint, RefusalError, Status
from hotsite.core.provisioning import Custody
from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
    NotFoundError,
    NotReadyError,
    RefusedError,
    UnreachableError,
)
from hotsite.flows.companion import (
    Course,
    Network,
    WaitError,
    carry,
    onboard,
    open_session,
)

AUTHORITY = Authority()
WRONG = Label("oven-1", "HS-oven-1", "2222-2222-2222")


async def opened(device, label=LABEL, peer="phone"):
    return await open_session(DirectLink(device, peer), label, PhoneSecurity())


def course(device=None, **values):
    async def claim(document):
        return AUTHORITY.answer(document)

    async def pause():
        if device is not None and device.desk.vault.staged().credentials:
            device.desk.trial.begin()
            device.desk.vault.promote()
            device.desk.trial.connect(f"iot.{DOMAIN}")

    return Course(claim, pause, **values)


async def test_a_new_device_is_provisioned_with_a_key_that_never_left_it(tmp_path):
    device = make_device(tmp_path)
    session = await opened(device)
    info = await session.call(Endpoint.INFO, {"do": "read"})
    assert (info["state"], info["serial"], info["thing"]) == ("new", "oven-1", None)
    status = await onboard(session, course(device))
    assert status["state"] == "provisioned"
    assert status["site"] == f"iot.{DOMAIN}"
    vault = device.desk.vault
    credentials = vault.current()
    assert device.desk.security.is_pair(
        credentials.certificate_pem, vault.current_key()
    )
    assert vault.staged().key_pem == ""
    told = json.loads((tmp_path / "device.json").read_text())
    assert told["endpoints"][0] == f"iot.{DOMAIN}"
    assert (tmp_path / told["private_key"]).stat().st_mode & 0o077 == 0
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or path.stat().st_mode & 0o077 == 0, path


async def test_the_same_request_is_given_to_whoever_asks_until_a_fresh_one(tmp_path):
    device = make_device(tmp_path)
    first = await (await opened(device)).call(Endpoint.CSR, {"do": "make"})
    device.leave("phone")
    session = await opened(make_device(tmp_path), peer="another")
    assert await session.call(Endpoint.CSR, {"do": "make"}) == first
    fresh = await session.call(Endpoint.CSR, {"do": "make", "fresh": True})
    assert fresh["csr"] != first["csr"]
    assert fresh["claim"] == {"id": "oven-1", "secret": "s3cret-of-oven-1"}


async def test_a_phone_may_walk_away_after_any_value_and_another_goes_on(tmp_path):
    whole = DirectLink(make_device(tmp_path / "whole"))
    (tmp_path / "whole").mkdir()
    await onboard(
        await open_session(whole, LABEL, PhoneSecurity()), course(whole.device)
    )
    for values in range(0, whole.count, 2):
        folder = tmp_path / str(values)
        folder.mkdir()
        device = make_device(folder)
        link = DirectLink(device)
        link.cut_after = values
        with pytest.raises(UnreachableError):
            await onboard(
                await open_session(link, LABEL, PhoneSecurity()), course(device)
            )
        await link.close()
        if values % 4:
            device = make_device(folder)
        status = await onboard(await opened(device), course(device))
        assert status["state"] == "provisioned"


async def test_old_credentials_stay_until_new_ones_have_connected(tmp_path):
    device = make_device(tmp_path)
    await onboard(await opened(device), course(device))
    old = device.desk.vault.current()
    session = await opened(device)
    with pytest.raises(NotReadyError):
        await onboard(session, course(None, is_fresh=True, looks_max=2))
    vault = make_device(tmp_path).desk.vault
    assert vault.current() == old
    assert device.desk.security.is_pair(old.certificate_pem, vault.current_key())
    info = await session.call(Endpoint.INFO, {"do": "read"})
    assert (info["state"], info["thing"]) == ("pending", "oven-1")
    assert (await onboard(session, course(device)))["state"] == "provisioned"
    new = vault.current()
    assert new.certificate_id != old.certificate_id
    assert len(list((tmp_path / "credentials").iterdir())) == 1


async def test_a_cut_between_the_two_steps_of_promotion_is_no_second_trial(tmp_path):
    device = make_device(tmp_path)
    session = await opened(device)
    await onboard(session, course(None, looks_max=0))
    staged = (tmp_path / "staged.json").read_bytes()
    device.desk.vault.promote()
    (tmp_path / "staged.json").write_bytes(staged)
    again = make_device(tmp_path)
    info = await (await opened(again)).call(Endpoint.INFO, {"do": "read"})
    assert info["state"] == "provisioned"


async def test_discarding_keeps_what_is_in_use(tmp_path):
    device = make_device(tmp_path)
    session = await opened(device)
    await onboard(session, course(device))
    old = device.desk.vault.current()
    await onboard(session, course(None, is_fresh=True, looks_max=0))
    said = await session.call(Endpoint.CREDENTIALS, {"do": "discard"})
    assert said == {"state": "provisioned"}
    assert device.desk.vault.current() == old


async def test_names_change_for_the_same_certificate_and_are_tried_first(tmp_path):
    device = make_device(tmp_path)
    session = await opened(device)
    names = {"iot": {"names": [f"b.{DOMAIN}"], "port": 443}, "api": f"api.{DOMAIN}"}
    with pytest.raises(RefusalError) as refused:
        await session.call(Endpoint.ENDPOINTS, {"do": "store", **names})
    assert refused.value.status is Status.STATE
    await onboard(session, course(device))
    said = await session.call(Endpoint.ENDPOINTS, {"do": "store", **names})
    assert said == {"state": "pending", "trial": "waiting"}
    read = await session.call(Endpoint.ENDPOINTS, {"do": "read"})
    assert read["pending"] == names
    assert read["current"]["iot"]["port"] == 8883
    # A key for a next certificate is another one than that in use.
    request = await session.call(Endpoint.CSR, {"do": "make"})
    assert request["csr"].startswith("-----BEGIN")
    assert (await session.call(Endpoint.INFO, {"do": "read"}))["state"] == "provisioned"
    await session.call(Endpoint.ENDPOINTS, {"do": "store", **names})
    device.desk.vault.promote()
    read = await session.call(Endpoint.ENDPOINTS, {"do": "read"})
    assert (read["current"], read["pending"]) == (names, None)
    assert device.desk.security.is_pair(
        device.desk.vault.current().certificate_pem, device.desk.vault.current_key()
    )


async def test_foreign_names_keys_and_authorities_are_refused_and_change_nothing(
    tmp_path,
):
    device = make_device(tmp_path)
    session = await opened(device)
    request = await session.call(Endpoint.CSR, {"do": "make"})
    good = AUTHORITY.answer(request)
    other = make_device(tmp_path / "other")
    (tmp_path / "other").mkdir()
    foreign = AUTHORITY.answer(
        await (await opened(other)).call(Endpoint.CSR, {"do": "make"})
    )
    aws = ["abc-ats.iot.eu-central-1.amazonaws.com"]
    before = (tmp_path / "staged.json").read_bytes()
    for answer, status in (
        ({**good, "iot": {"names": aws, "port": 8883}}, Status.FOREIGN_NAME),
        ({**good, "api": "api.evil.example"}, Status.FOREIGN_NAME),
        (foreign, Status.FOREIGN_KEY),
        ({**good, "certificate": "-----BEGIN nothing"}, Status.CERTIFICATE),
        ({**good, "ca": "-----BEGIN nothing"}, Status.CERTIFICATE),
        ({**good, "thing": "a b"}, Status.CERTIFICATE),
        ({**good, "iot": None}, Status.MALFORMED),
        ({key: good[key] for key in ("thing", "ca")}, Status.MALFORMED),
        ("text", Status.MALFORMED),
    ):
        with pytest.raises(RefusalError) as refused:
            await session.call(Endpoint.CREDENTIALS, {"do": "store", "answer": answer})
        assert refused.value.status is status, answer
        assert (tmp_path / "staged.json").read_bytes() == before
    said = await session.call(Endpoint.CREDENTIALS, {"do": "store", "answer": good})
    assert said["state"] == "pending"
    again = await session.call(Endpoint.CREDENTIALS, {"do": "store", "answer": good})
    assert again["state"] == "pending"


async def test_with_escrow_the_key_comes_with_the_certificate(tmp_path):
    device = make_device(tmp_path, who=identity(custody=Custody.ESCROW))
    session = await opened(device)
    request = await session.call(Endpoint.CSR, {"do": "make"})
    assert request["custody"] == "escrow"
    assert "csr" not in request
    key_pem, csr_pem = device.desk.security.make_key("oven-1")
    answer = AUTHORITY.answer({**request, "csr": csr_pem})
    with pytest.raises(RefusalError):
        await session.call(Endpoint.CREDENTIALS, {"do": "store", "answer": answer})
    whole = {**answer, "private_key": key_pem}
    await session.call(Endpoint.CREDENTIALS, {"do": "store", "answer": whole})
    device.desk.vault.promote()
    assert device.desk.vault.current_key() == key_pem


async def test_a_factory_reset_keeps_identity_and_failures_alone(tmp_path):
    device = make_device(tmp_path)
    session = await opened(device)
    await onboard(session, course(device))
    with pytest.raises(RefusalError) as refused:
        await session.call(Endpoint.INFO, {"do": "reset", "serial": "oven-2"})
    assert refused.value.status is Status.SERIAL
    said = await session.call(Endpoint.INFO, {"do": "reset", "serial": "oven-1"})
    assert said == {"state": "new"}
    assert {path.name for path in tmp_path.iterdir()} == {"lockout.json", "credentials"}
    assert not list((tmp_path / "credentials").iterdir())
    status = await onboard(session, course(device))
    assert status["state"] == "provisioned"


async def test_wrong_codes_lock_the_device_and_a_restart_begins_the_wait_anew(tmp_path):
    clock = SetClock()
    device = make_device(tmp_path, clock)
    for _ in range(3):
        with pytest.raises(RefusedError, match="code is wrong"):
            await opened(device, WRONG)
    with pytest.raises(WaitError) as locked:
        await opened(device)
    assert locked.value.wait_s == 10
    clock.sleep(9.5)
    device = make_device(tmp_path, clock)
    with pytest.raises(WaitError) as locked:
        await opened(device)
    assert locked.value.wait_s == 10
    version = json.loads(device.handle("proto-ver", b"---"))
    assert version["hotsite"]["locked_s"] == 10
    clock.sleep(10)
    with pytest.raises(RefusedError, match="listens again in 20 s"):
        await opened(device, WRONG)
    clock.sleep(20)
    await opened(device)
    assert device.desk.vault.failures() == 0


async def test_an_attempt_counts_before_it_is_looked_at(tmp_path):
    device = make_device(tmp_path)
    seen = []

    class Watching:
        def answer(self, who, public):
            half = DeviceSecurity().answer(who, public)
            return type(
                "Half",
                (),
                {
                    "public": half.public,
                    "verify": lambda _, proof: (
                        seen.append(device.desk.vault.failures()),
                        half.verify(proof),
                    )[1],
                },
            )()

    device.desk.security = Watching()
    await opened(device)
    assert seen == [1]
    assert device.desk.vault.failures() == 0


async def test_one_phone_at_a_time_until_it_leaves_or_falls_silent(tmp_path):
    clock = SetClock()
    device = make_device(tmp_path, clock)
    first = await opened(device)
    with pytest.raises(WaitError, match="busy") as busy:
        await opened(device, peer="another")
    assert busy.value.wait_s == 30
    await first.call(Endpoint.INFO, {"do": "read"})
    clock.sleep(29)
    await first.call(Endpoint.INFO, {"do": "read"})
    clock.sleep(30)
    second = await opened(device, peer="another")
    with pytest.raises(UnreachableError):
        await first.call(Endpoint.INFO, {"do": "read"})
    await second.call(Endpoint.INFO, {"do": "read"})
    device.leave("another")
    await opened(device)


async def test_a_handshake_that_is_not_finished_keeps_nobody_out(tmp_path):
    device = make_device(tmp_path)
    link = DirectLink(device, "slow")
    link.cut_after = 1
    with pytest.raises(UnreachableError):
        await open_session(link, LABEL, PhoneSecurity())
    await opened(device)


async def test_frames_of_others_change_nothing_for_the_one_who_is_in(tmp_path):
    device = make_device(tmp_path)
    session = await opened(device)
    request = session.cipher.encrypt(b'\x01\x00{"do":"read"}')
    for peer, value in (("other", request), ("phone", bytes(40)), ("phone", b"")):
        with pytest.raises(RefusedError):
            device.handle("info", value, peer=peer)
    with pytest.raises(RefusedError):
        device.handle("wifi", bytes(480), peer="phone")
    # Moved to another endpoint it is refused, and read.
    answer = session.cipher.decrypt(device.handle("wifi", request, peer="phone"))
    assert answer[:2] == bytes((0x86, Status.MALFORMED))
    with pytest.raises(RefusedError):
        device.handle("info", request, peer="phone")
    assert (await session.call(Endpoint.INFO, {"do": "read"}))["serial"] == "oven-1"


def test_values_that_are_none_are_refused(tmp_path):
    device = make_device(tmp_path)
    for endpoint, value, error in (
        ("nothing", b"", NotFoundError),
        ("prov-session", b"", InvalidInputError),
        ("prov-session", bytes(480), InvalidInputError),
        ("info", bytes(481), InvalidInputError),
        ("info", bytes(20), RefusedError),
    ):
        with pytest.raises(error):
            device.handle(endpoint, value)


@pytest.mark.parametrize(
    ("endpoint", "document", "status"),
    [
        (Endpoint.INFO, {}, Status.MALFORMED),
        (Endpoint.INFO, {"do": []}, Status.MALFORMED),
        (Endpoint.WIFI, {"do": "scan"}, Status.UNSUPPORTED),
        (Endpoint.FIRMWARE, {"do": "status"}, Status.UNSUPPORTED),
        (Endpoint.CREDENTIALS, {"do": "store"}, Status.MALFORMED),
        (Endpoint.ENDPOINTS, {"do": "store"}, Status.MALFORMED),
    ],
)
async def test_a_request_that_cannot_be_done_is_refused_with_its_status(
    tmp_path, endpoint, document, status
):
    session = await opened(make_device(tmp_path))
    with pytest.raises(RefusalError) as refused:
        await session.call(endpoint, document)
    assert refused.value.status is status


class Shelf:
    """A device's firmware that wants three files and then is ready."""

    def __init__(self):
        self.have, self.gone, self.is_applied = {}, set(), False

    def status(self):
        names = ("2.root.json", "timestamp.json", "image")
        wanted = [one for one in names if one not in {*self.have, *self.gone}]
        state = "applied" if self.is_applied else "receiving" if wanted else "ready"
        return {"state": state, "version": "1", "counter": 1, "wanted": wanted}

    def start(self):
        self.have.clear()

    def receive(self, name, data):
        if name == "bad":
            raise RefusedError("signature is wrong")
        self.have[name] = data

    def absent(self, name):
        self.gone.add(name)

    def apply(self):
        self.is_applied = True


async def test_a_phone_carries_the_files_that_the_device_wants(tmp_path):
    shelf = Shelf()
    session = await opened(make_device(tmp_path, firmware=shelf))
    files = {"timestamp.json": b"{}", "image": bytes(range(256)) * 40}

    async def fetch(name):
        return files.get(name)

    status = await carry(session, fetch)
    assert status["state"] == "applied"
    assert shelf.have == files
    with pytest.raises(RefusalError, match="signature is wrong") as refused:
        await session.send_file("bad", b"x")
    assert refused.value.status is Status.FIRMWARE


class Home:
    """A device's Wi-Fi in a house with one network."""

    def __init__(self):
        self.ssid, self.steps = None, itertools.count()

    def scan(self):
        return [{"ssid": "home", "rssi": -51, "security": "wpa2"}] * 20

    def join(self, ssid, passphrase):
        if ssid != "home":
            raise RefusedError("no-network")
        self.ssid = ssid

    def status(self):
        state = "joining" if next(self.steps) < 2 else "joined"
        return {"state": state, "ssid": self.ssid, "reason": None}


async def test_wifi_comes_before_the_claim_and_long_answers_are_read(tmp_path):
    device = make_device(tmp_path, wifi=Home())
    session = await opened(device)
    assert len((await session.call(Endpoint.WIFI, {"do": "scan"}))["networks"]) == 20
    steps = []
    home = Network("home", "correct horse")
    status = await onboard(session, course(device, network=home, tell=steps.append))
    assert status["state"] == "provisioned"
    assert steps[0] == "wifi"
    for ssid, passphrase, reason in (
        ("elsewhere", "correct horse", "no-network"),
        ("home", "short", "passphrase"),
        ("x" * 33, "", "no-network"),
    ):
        document = {"do": "store", "ssid": ssid, "passphrase": passphrase}
        with pytest.raises(RefusalError) as refused:
            await session.call(Endpoint.WIFI, document)
        assert refused.value.facts["reason"] == reason


async def test_a_device_that_does_not_know_its_code_is_not_the_device(tmp_path):
    device = make_device(tmp_path)

    class Liar(DirectLink):
        async def exchange(self, endpoint, value):
            answer = await super().exchange(endpoint, value)
            return (
                answer.replace(answer[-40:-30], bytes(10))
                if self.count == 2
                else answer
            )

    with pytest.raises(HotsiteError):
        await open_session(Liar(device), LABEL, PhoneSecurity())


def test_nothing_that_is_kept_has_the_code_in_it(tmp_path):
    device = make_device(tmp_path)
    device.handle("proto-ver", b"")
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or POP not in path.read_text()
