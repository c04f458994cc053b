import pytest
from tests.contract import world
from tests.local.region_world import Authority, config_of, running


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="session")
def region(authority):
    config = config_of(
        authority, authority.directory, "eu-west-1", "127.0.52.1", letter="b"
    )
    with running(config) as process:
        world.prepare_iot(process)
        yield process


@pytest.fixture
def tables(region):
    return world.make_tables(region)


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def ports(request):
    if request.param == "sim":
        return world.sim_ports()
    tables = request.getfixturevalue("tables")
    return world.local_ports(request.getfixturevalue("region"), tables)


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def ports_cut_off(request):
    if request.param == "sim":
        return world.sim_ports_cut_off()
    region = request.getfixturevalue("region")
    url = f"http://{region.config.address}:{world.NOBODY_LISTENS_PORT}"
    nowhere = world.LocalTables("registry", "applied")
    return world.local_ports(region, nowhere, url=url)


@pytest.fixture
def name():
    return world.fresh_name()
