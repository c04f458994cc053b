import json

import pytest

from hotsite.core.outbox import Overflow
from hotsite.errors import InvalidInputError
from hotsite.faces.agent.config import NameServer, read_agent, read_fleet


def test_every_setting_is_read(fleet_file):
    path = fleet_file(
        2,
        policy={"ack_s_max": 7, "version": 4, "backoff": {"cap_s": 4}},
        keeping={"overflow": "drop-oldest", "message_count_max": 5},
        seed=3,
        is_listening=False,
    )
    config = read_fleet(path)
    assert [device.thing for device in config.devices] == ["thing-0", "thing-1"]
    assert config.resolver == NameServer("127.0.31.53", 15353)
    assert (config.policy.ack_s_max, config.policy.backoff.cap_s) == (7.0, 4.0)
    assert config.policy.version == 4
    assert config.keeping.overflow is Overflow.DROP_OLDEST
    assert (config.seed, config.is_listening, config.interval_s) == (3, False, 0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"endpoints": ["x.iot.eu-west-1.amazonaws.com"]}, "belongs to AWS"),
        ({"endpoints": []}, "endpoint"),
        ({"devices": []}, "needs devices"),
        ({"devices": [3]}, "JSON object"),
        ({"port": 70_000}, "port"),
        ({"port": "8883"}, "port must be int"),
        ({"ports": []}, "ports must name"),
        ({"ports": [8883, 0]}, "a port must be"),
        ({"ports": [True]}, "a port must be"),
        ({"policy": {"budget": {"bad_count": 0}}}, "budget"),
        ({"policy": {"budget": {"count": 1}}}, "unknown key 'count'"),
        ({"policy": {"resume_s_max": -1}}, "resume_s_max"),
        ({"interval_s": 0}, "interval_s"),
        ({"ca": "missing.pem"}, "ca"),
        ({"ca": None}, "ca must be there"),
        ({"policy": {"version": 3}}, "version"),
        ({"policy": {"ack_s_maximum": 3}}, "unknown key 'ack_s_maximum'"),
        ({"keeping": {"overflow": "burn"}}, "overflow"),
        ({"resolver": {"address": "127.0.0.1", "Port": 5}}, "unknown key 'Port'"),
    ],
)
def test_what_is_wrong_is_named(fleet_file, changes, message):
    with pytest.raises(InvalidInputError, match=message):
        read_fleet(fleet_file(**changes))


def test_one_thing_may_not_run_twice(fleet_file):
    path = fleet_file()
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "devices": config["devices"] * 2}))
    with pytest.raises(InvalidInputError, match="each thing once"):
        read_fleet(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"device\.json"):
        read_agent(tmp_path)


def test_a_standby_connection_brings_shorter_limits_which_can_be_changed(fleet_file):
    policy = read_fleet(fleet_file(standby_connection=True, policy={})).policy
    assert (policy.ack_s_max, policy.keep_alive_s, policy.ping_s_max) == (2, 2, 2)
    changed = {"keep_alive_s": 3}
    policy = read_fleet(fleet_file(standby_connection=True, policy=changed)).policy
    assert (policy.ack_s_max, policy.keep_alive_s) == (2, 3)


def test_the_old_key_for_one_port_still_works(fleet_file):
    assert read_fleet(fleet_file()).ports == (18883,)
    assert read_fleet(fleet_file(ports=[8883, 443])).ports == (8883, 443)
