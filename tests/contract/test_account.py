"""The suite in an account: it makes and removes what bears its name, and no more.

No account is needed to prove that: a profile may name any endpoint, and here it is
a Region process's own.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.contract.inventory import inventory
from tests.contract.world import Cloud, make_certificate

ROOT = Path(__file__).parents[2]
SUITES = ("records", "claims", "applied", "registry", "deletions", "surroundings")
SUITES += ("quotas", "failures", "definitions", "shadows", "listing", "operations")
LEFT = "hotsite-contract-"
POLICY = """{"Version": "2012-10-17", "Statement":
 [{"Effect": "Deny", "Action": "iot:*", "Resource": "*"}]}"""

pytestmark = pytest.mark.local


@pytest.fixture
def account(region, tmp_path):
    """The environment in which a profile is this Region, with foreign things in it."""
    cloud = Cloud.local(region)
    put_foreign_things(cloud)
    config = tmp_path / "config"
    config.write_text(
        f"[profile contract]\nregion = {cloud.region}\n"
        f"endpoint_url = {cloud.settings['endpoint_url']}\n"
        "aws_access_key_id = test\naws_secret_access_key = test\n"
    )
    kept = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
    return cloud, kept | {"AWS_CONFIG_FILE": str(config), "HOME": str(tmp_path)}


def put_foreign_things(cloud):
    """Make what somebody else has, under names that look much like ours."""
    iot, name = cloud.client("iot"), f"{LEFT}somebody"
    iot.create_thing(thingName=name)
    iot.create_thing_group(thingGroupName=name)
    with contextlib.suppress(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_policy(policyName=name, policyDocument=POLICY)
    certificate = iot.register_certificate_without_ca(
        certificatePem=make_certificate().pem, status="ACTIVE"
    )
    arn = certificate["certificateArn"]
    iot.attach_thing_principal(thingName=name, principal=arn)
    iot.attach_policy(policyName=name, target=arn)
    with contextlib.suppress(cloud.client("s3").exceptions.BucketAlreadyOwnedByYou):
        cloud.client("s3").create_bucket(
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": cloud.region},
        )


def start(cloud, environment, *suites):
    files = [f"tests/contract/test_{suite}.py" for suite in suites]
    files += ["-k", "aws", "--timeout=60"]
    flags = ["--aws-profile", "contract", "--aws-region", cloud.region]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *files, *flags],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_account_is_left_as_it_was(account):
    cloud, environment = account
    before = inventory(cloud.client)
    process = start(cloud, environment, *SUITES)
    said, _ = ended(process, 400)
    assert process.returncode == 0, said
    assert "All names begin with hotsite-contract-" in said
    assert int(said.rsplit(" passed", 1)[0].split()[-1]) > 100
    assert inventory(cloud.client) == before


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_what_a_stopped_run_has_made_can_be_removed(account, sign):
    cloud, environment = account
    before = inventory(cloud.client)
    process = start(cloud, environment, "registry")
    made = wait_for_things(cloud, before)
    process.send_signal(sign)
    said, _ = ended(process, 400)
    if sign is signal.SIGKILL:
        assert inventory(cloud.client) != before
        prefix = made[: len(LEFT) + 8]
        done = remove(cloud, environment, prefix)
        assert done.returncode == 0, done.stdout
        assert f"of {prefix} in {cloud.region}" in done.stdout
    assert inventory(cloud.client) == before, said[-2000:]


def ended(process, within_s):
    """Return what a run said; one that does not end is ended, and says that too."""
    try:
        return process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        said, rest = process.communicate()
        return f"{said}\nno end within {within_s} s", rest


def wait_for_things(cloud, before):
    """Return the name of a thing that the run has made."""
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        names = {
            name for kind, name in inventory(cloud.client) if kind == "list_things"
        }
        made = sorted(name for name in names if ("list_things", name) not in before)
        if made:
            return made[0]
        time.sleep(0.05)
    raise AssertionError("the run made no thing")


def remove(cloud, environment, prefix):
    flags = ["--aws-profile", "contract", "--aws-region", cloud.region]
    return subprocess.run(
        [sys.executable, "-m", "tests.contract.belongings", "--remove", prefix, *flags],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_name_that_is_no_prefix_of_a_run_is_refused(account):
    cloud, environment = account
    done = remove(cloud, environment, "hotsite")
    assert done.returncode == 2
    assert "hotsite is no run's prefix" in done.stderr
