"""Every port in memory, in a Region process and, when asked, in an AWS account."""

import contextlib

import pytest
from tests.contract import belongings, keepings, outside, world
from tests.contract import workers as workers_of
from tests.contract.lights import pilot_light
from tests.local.region_world import Authority, config_of, running

from hotsite.sim.clock import SimClock
from hotsite.sim.compute import SimCompute
from hotsite.sim.operations import SimOperations

ANYWHERE = ("ports", "failed", "cold", "workers", "operations")
COSTS = (
    "AWS: account {account}, profile {profile}. All names begin with {prefix}-, go "
    "at the end (five minutes for thing types), and cost a few US cents."
)


def pytest_addoption(parser):
    group = parser.getgroup("hotsite")
    group.addoption("--aws-profile", help="play the contract suite on AWS as well")
    group.addoption("--aws-region", help="in this Region, not the profile's own")


def pytest_generate_tests(metafunc):
    for fixture in ANYWHERE:
        if fixture in metafunc.fixturenames:
            worlds = ["sim", pytest.param("local", marks=pytest.mark.local)]
            # Without the plugin's option, as when all tests are played.
            if metafunc.config.getoption("--aws-profile", default=None):
                worlds.append("aws")
            metafunc.parametrize(fixture, worlds, indirect=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="session")
def region(authority):
    config = config_of(
        authority, authority.directory, "eu-west-1", "127.0.52.1", letter="b"
    )
    with running(config) as process:
        world.prepare_iot(world.Cloud.local(process))
        yield process


@pytest.fixture
def tables(region):
    return world.make_tables(world.Cloud.local(region))


@pytest.fixture(scope="session")
def tell(pytestconfig):
    """Print a line for the person who has asked for AWS, past pytest's capture."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def tell_at_once(line):
        with capture.global_and_fixture_disabled():
            belongings.say(line)

    return tell_at_once


@pytest.fixture(scope="session")
def account(pytestconfig, tell):
    """The AWS account; what was made there goes, whatever became of the tests."""
    profile, region = (
        pytestconfig.getoption(name) for name in ("--aws-profile", "--aws-region")
    )
    cloud = world.Cloud.account(profile, region)
    where = cloud.belongings.account
    tell("\n" + COSTS.format(account=where, profile=profile, prefix=world.RUN))
    try:
        world.prepare_iot(cloud)
        yield cloud
    finally:
        cloud.belongings.remove(cloud.client, tell=tell)


@pytest.fixture(scope="session")
def account_tables(account):
    return world.make_tables(account)


@pytest.fixture(scope="session")
def account_operations_table(account):
    return world.make_operations_table(account)


@pytest.fixture(scope="session")
def account_bucket(account):
    return world.make_bucket(account)


@pytest.fixture
def ports(request):
    if request.param == "sim":
        return world.sim_ports()
    if request.param == "local":
        tables = request.getfixturevalue("tables")
        return world.local_ports(request.getfixturevalue("region"), tables)
    cloud = request.getfixturevalue("account")
    tables = request.getfixturevalue("account_tables")
    world.empty_tables(cloud, tables)
    return world.cloud_ports(cloud, tables)


@pytest.fixture
def failed(request):
    """The store of failed batches, and how Lambda fills it."""
    if request.param == "sim":
        return world.SimFailures()
    if request.param == "local":
        cloud = world.Cloud.local(request.getfixturevalue("region"))
        return world.CloudFailures(cloud, world.make_bucket(cloud))
    cloud = request.getfixturevalue("account")
    bucket = request.getfixturevalue("account_bucket")
    world.empty_bucket(cloud, bucket)
    return world.CloudFailures(cloud, bucket)


@pytest.fixture
def cold(request):
    """The cold store of a Region, and how objects come into it."""
    if request.param == "sim":
        return world.SimCold()
    if request.param == "local":
        cloud = world.Cloud.local(request.getfixturevalue("region"))
        return world.CloudCold(cloud, world.make_bucket(cloud))
    cloud = request.getfixturevalue("account")
    bucket = request.getfixturevalue("account_bucket")
    world.empty_bucket(cloud, bucket)
    return world.CloudCold(cloud, bucket)


@pytest.fixture
def workers(request):
    """Workers of a Region that share its quotas."""
    if request.param == "sim":
        return workers_of.SimWorkers()
    if request.param == "local":
        cloud = world.Cloud.local(request.getfixturevalue("region"))
        return workers_of.CloudWorkers(cloud, request.getfixturevalue("tables"))
    cloud = request.getfixturevalue("account")
    tables = request.getfixturevalue("account_tables")
    world.empty_tables(cloud, tables)
    return workers_of.CloudWorkers(cloud, tables)


@pytest.fixture
def operations(request):
    """One Region's replica of the operations table."""
    if request.param == "sim":
        return SimOperations("b", SimClock())
    if request.param == "local":
        cloud = world.Cloud.local(request.getfixturevalue("region"))
        return world.cloud_operations(cloud, world.make_operations_table(cloud))
    cloud = request.getfixturevalue("account")
    table = request.getfixturevalue("account_operations_table")
    world.empty_table(cloud, table, "pk", "sk")
    return world.cloud_operations(cloud, table)


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def operations_cut_off(request):
    if request.param == "sim":
        return SimOperations("b", SimClock(), is_reachable=False)
    region = request.getfixturevalue("region")
    url = f"http://{region.config.address}:{world.NOBODY_LISTENS_PORT}"
    return world.cloud_operations(world.Cloud.local(region, url), "operations")


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def keeping(request):
    """The stores of telemetry of one Region."""
    if request.param == "sim":
        return keepings.SimKeeping()
    return keepings.CloudKeeping(world.Cloud.local(request.getfixturevalue("region")))


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def ports_cut_off(request):
    if request.param == "sim":
        return world.sim_ports_cut_off()
    region = request.getfixturevalue("region")
    url = f"http://{region.config.address}:{world.NOBODY_LISTENS_PORT}"
    nowhere = world.LocalTables("registry", "applied")
    return world.local_ports(region, nowhere, url=url)


SIM_AND_LOCAL = ["sim", pytest.param("local", marks=pytest.mark.local)]


@pytest.fixture(params=SIM_AND_LOCAL)
def sites(request):
    """Both sites, as they are seen by their own names."""
    if request.param == "sim":
        yield outside.SimSitesSeen()
        return
    with contextlib.closing(
        outside.RealSitesSeen(request.getfixturevalue("authority"))
    ) as found:
        yield found


@pytest.fixture(params=SIM_AND_LOCAL)
def compute(request):
    """The compute of a pilot light, all of which is off."""
    if request.param == "sim":
        return SimCompute(("canary", "meter"))
    return pilot_light(world.Cloud.local(request.getfixturevalue("region")))


@pytest.fixture(params=SIM_AND_LOCAL)
def names(request):
    """The failover name, and where it is told to lead."""
    if request.param == "sim":
        yield outside.SimNamesSeen()
        return
    folder = request.getfixturevalue("tmp_path")
    with contextlib.closing(outside.RealNamesSeen(folder)) as found:
        yield found


@pytest.fixture(params=SIM_AND_LOCAL)
def resumes(request):
    """Where a site writes down who came."""
    if request.param == "sim":
        return outside.SimCame()
    region, tables = (request.getfixturevalue(n) for n in ("region", "tables"))
    return outside.RealCame(region, tables.applied)


@pytest.fixture(params=SIM_AND_LOCAL)
def commanded(request):
    """A device that is connected to a site, and the site's commands."""
    if request.param == "sim":
        yield outside.SimCommanded()
        return
    region, authority = (request.getfixturevalue(n) for n in ("region", "authority"))
    with contextlib.closing(outside.RealCommanded(region, authority)) as found:
        yield found


@pytest.fixture
def name():
    return world.fresh_name()
