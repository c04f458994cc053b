"""The supervisor: whatever dies, the cloud ends whole and says what died."""

import json
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest
from tests.local.cloud_world import (
    assert_nothing_left,
    ports_of,
    processes_of,
    small_config,
    wait_until,
)

from hotsite.errors import InvalidInputError, NotReadyError
from hotsite.local import cloud, launcher, network
from hotsite.local.client import LocalCloud

pytestmark = pytest.mark.local


@pytest.fixture
def said():
    return []


@pytest.fixture
def config(tmp_path):
    return small_config(tmp_path)


@pytest.fixture
def launched(config, said):
    with launcher.Launched(config, said.append) as there:
        yield there


@pytest.fixture
def local(launched, config, tmp_path):
    launched.wait_ready()
    return LocalCloud.open(tmp_path / "cloud")


def pid_of(state, name):
    (pid,) = (p.identity.pid for p in state.processes if p.identity.name == name)
    return pid


NAMES = ("region-a", "region-b", "issuer", "backbone", "dns", "sentinel")


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_process_is_named_and_nothing_is_left(local, launched, name):
    pid = pid_of(local.state, name)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(NotReadyError, match=rf"{name} \(pid {pid}\).*SIGKILL"):
        launched.wait_end()
    assert_nothing_left(local.state)
    state = cloud.read_state(local.folder)
    assert state.state == cloud.FAILED
    assert name in next(cloud.troubles(state))


def test_a_killed_supervisor_leaves_no_process_and_no_port(local, launched):
    assert processes_of(local.state)
    assert ports_of(local.state)
    os.kill(launched.pid, signal.SIGKILL)
    with pytest.raises(NotReadyError, match=r"supervisor .* SIGKILL"):
        launched.wait_end()
    assert_nothing_left(local.state)
    with pytest.raises(NotReadyError, match="supervisor"):
        LocalCloud.open(local.folder)


def test_a_killed_supervisor_takes_frozen_regions_with_it(local, launched):
    local.fault("freeze", "a")
    os.kill(launched.pid, signal.SIGKILL)
    with pytest.raises(NotReadyError):
        launched.wait_end()
    assert_nothing_left(local.state)


def test_a_cloud_that_stops_while_a_region_is_frozen_leaves_nothing(local, launched):
    local.fault("freeze", "eu-west-1")
    launched.end()
    assert_nothing_left(local.state)


def test_a_region_killed_by_order_leaves_the_cloud_up(local):
    local.fault("kill", "eu-central-1")
    state = local.check()
    states = {each.identity.name: each.state for each in state.processes}
    assert states["region-a"] == "killed"
    assert states["region-b"] == "running"
    with pytest.raises(InvalidInputError, match="region-a is not running"):
        local.fault("freeze", "a")
    here, gone = local.address("b"), local.address("a")
    wait_until(lambda: {address for address, _ in ports_of(state)}.isdisjoint({gone}))
    assert here in {address for address, _ in ports_of(state)}


def test_a_thawed_region_answers_again(local):
    gateway = (local.address("a"), local.state.gateway_port)
    local.fault("freeze", "a")
    with socket.create_connection(gateway, 1) as caller:
        caller.settimeout(0.3)
        caller.sendall(b"GET /_hotsite/ HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError):
            caller.recv(1)
        local.fault("thaw", "a")
        caller.settimeout(5)
        assert caller.recv(1)


def test_wrong_faults_are_refused_in_one_line(local):
    with pytest.raises(InvalidInputError, match="one of kill, freeze, return"):
        local.fault("melt", "a")
    with pytest.raises(InvalidInputError, match="no Region 'mars'"):
        local.fault("kill", "mars")


def test_a_cloud_ends_with_whoever_started_it(local, launched):
    launched._process.stdin.close()
    launched.wait_end()
    assert_nothing_left(local.state)
    assert not (local.folder / cloud.STATE_FILE).exists()


def test_a_cloud_that_was_let_go_stays_until_it_is_ended(local, launched):
    launched.let_go()
    assert local.check().state == cloud.READY
    assert launcher.end(local.folder)
    assert_nothing_left(local.state)
    assert not launcher.end(local.folder)


def test_a_frozen_supervisor_is_ended_as_well(local, launched):
    launched.let_go()
    os.kill(launched.pid, signal.SIGSTOP)
    # Our own child: somebody has to take its exit code, as init would.
    assert launcher.end(local.folder)
    launched._process.wait(5)
    assert_nothing_left(local.state)


def test_a_template_that_cannot_be_deployed_fails_with_its_reason(tmp_path, said):
    config = small_config(tmp_path)
    path = tmp_path / "artefacts/templates/hotsite-site-eu-west-1.template.json"
    path.write_text('{"Resources": {"Odd": {"Type": "AWS::Odd::Thing"}}}')
    with launcher.Launched(config, said.append) as launched:
        with pytest.raises(NotReadyError, match="AWS::Odd::Thing"):
            launched.wait_ready()
        state = cloud.read_state(tmp_path / "cloud")
    assert_nothing_left(state)


def test_a_process_that_dies_while_the_cloud_starts_is_named(tmp_path, said):
    config = small_config(tmp_path)

    def kill_issuer(text):
        said.append(text)
        if "issuer answer" in text:
            state = cloud.read_state(tmp_path / "cloud")
            os.kill(pid_of(state, "issuer"), signal.SIGKILL)

    with (
        launcher.Launched(config, kill_issuer) as launched,
        pytest.raises(NotReadyError, match=r"issuer .* SIGKILL"),
    ):
        launched.wait_ready()


@pytest.mark.parametrize("name", ["dns", "sentinel"])
def test_a_death_while_a_site_is_not_healthy_yet_is_told_at_once(tmp_path, name):
    config = small_config(tmp_path)
    path = tmp_path / "artefacts/templates/hotsite-site-eu-west-1.template.json"
    template = json.loads(path.read_text())
    check = {
        "Type": "HTTPS",
        "FullyQualifiedDomainName": "api-b.hotsite.test",
        "Port": 8443,
        "ResourcePath": "/never",
        "RequestInterval": 10,
    }
    template["Resources"]["Health"] = {
        "Type": "AWS::Route53::HealthCheck",
        "Properties": {"HealthCheckConfig": check},
    }
    path.write_text(json.dumps(template))

    def kill(text):
        if "tables replicate" in text:
            state = cloud.read_state(tmp_path / "cloud")
            os.kill(pid_of(state, name), signal.SIGKILL)

    with launcher.Launched(config, kill) as launched:
        with pytest.raises(NotReadyError, match=rf"{name} .* SIGKILL"):
            launched.wait_ready()
        state = cloud.read_state(tmp_path / "cloud")
        assert launched._process.returncode == 3
    assert_nothing_left(state)


def test_two_clouds_live_side_by_side(tmp_path, said):
    first = small_config(tmp_path / "first", "first")
    second = small_config(tmp_path / "second", "second")
    with (
        launcher.Launched(first, said.append) as one,
        launcher.Launched(second, said.append) as two,
    ):
        states = one.wait_ready(), two.wait_ready()
        assert states[0].block != states[1].block
        two.end()
        assert_nothing_left(states[1])
        assert LocalCloud.open(tmp_path / "first" / "cloud").token()


def test_a_second_cloud_in_one_folder_is_refused(local, config, said):
    with pytest.raises(InvalidInputError, match="already up"):
        launcher.refuse_if_up(local.folder)


def test_a_folder_with_a_long_path_is_no_trouble(tmp_path, said):
    config = small_config(tmp_path / ("long" * 25))
    with launcher.Launched(config, said.append) as launched:
        state = launched.wait_ready()
        assert len(state.control) < 104
        assert LocalCloud.open(tmp_path / ("long" * 25) / "cloud").health() == ()
        launched.end()
    assert not Path(state.control).parent.exists()


def test_a_taken_port_is_named_in_one_line(tmp_path, said):
    # A block that no other test of this machine starts with.
    block = network.Block(201)
    with socket.create_server((block.region_address("b"), network.MQTT_PORT)):
        config = small_config(tmp_path, block=block.number)
        with (
            launcher.Launched(config, said.append) as launched,
            pytest.raises(NotReadyError, match=r"^127\.0\.202\.1:8883 is taken"),
        ):
            launched.wait_ready()


def test_nothing_but_loopback_listens(local):
    pids = processes_of(local.state)
    listening = {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.pid in pids and connection.status == psutil.CONN_LISTEN
    }
    assert listening
    assert all(address.startswith("127.0.") for address in listening)


def test_the_state_is_readable_by_its_owner_only(local):
    for name in ("cloud.json", "issuer.json", "certificates/ca.key"):
        assert (local.folder / name).stat().st_mode & 0o077 == 0
    assert local.token()
