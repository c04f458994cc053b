"""Keys in escrow: sealed by KMS in a real Region, and gone once they are fetched."""

import uuid

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from tests.contract.world import RUN, Cloud, make_table

from hotsite.adapters.aws.escrow import EscrowClients, KmsEscrow
from hotsite.adapters.aws.items import from_wire
from hotsite.core.escrow import KEPT_S
from hotsite.errors import HotsiteError, UnreachableError
from hotsite.sim.clock import SimClock
from hotsite.sim.escrow import SimEscrow
from hotsite.sim.registry import SimRegistry


class SimVault:
    """An escrow in memory."""

    def __init__(self):
        self.clock = SimClock()
        self.escrow = SimEscrow(SimRegistry(), self.clock)

    def cut_off(self):
        silent = SimEscrow(SimRegistry(), self.clock)
        silent.is_reachable = False
        return silent

    def items(self):
        return list(self.escrow.kept)


class Vault:
    """The escrow of a Region, and a look past it into its table."""

    def __init__(self, region):
        self.region, self.cloud, self.clock = region, Cloud.local(region), SimClock()
        self.table = f"{RUN}-escrow-{uuid.uuid4().hex[:6]}"
        make_table(self.cloud, self.table, "name")
        self.key_id = self.cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.escrow = self.open(self.cloud)

    def open(self, cloud):
        clients = EscrowClients(*map(cloud.client, ("dynamodb", "iot", "kms")))
        return KmsEscrow(clients, self.table, self.key_id, clock=self.clock)

    def cut_off(self):
        return self.open(Cloud.local(self.region, "http://127.0.52.1:9"))

    def items(self):
        found = self.cloud.client("dynamodb").scan(TableName=self.table)["Items"]
        return [from_wire(item) for item in found]


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def vault(request):
    if request.param == "sim":
        return SimVault()
    return Vault(request.getfixturevalue("region"))


@pytest.fixture
def real(region):
    return Vault(region)


def test_key_is_handed_over_once(vault, name):
    certificate = vault.escrow.issue(name)
    assert len(vault.items()) == 1
    assert vault.escrow.hand_over(name, certificate.certificate_id)
    assert vault.items() == []
    assert vault.escrow.hand_over(name, certificate.certificate_id) is None


def test_key_that_is_fetched_too_late_is_gone_as_well(vault, name):
    certificate = vault.escrow.issue(name)
    vault.clock.sleep(KEPT_S + 1)
    assert vault.escrow.hand_over(name, certificate.certificate_id) is None
    assert vault.items() == []


def test_each_wish_has_a_key_of_its_own(vault, name):
    one, two = vault.escrow.issue(name), vault.escrow.issue(name)
    keys = {vault.escrow.hand_over(name, made.certificate_id) for made in (two, one)}
    assert len(keys - {None}) == 2


def test_nobody_fetches_what_is_not_there(vault, name):
    assert vault.escrow.hand_over(name, "0" * 64) is None
    assert vault.items() == []


def test_silent_region_keeps_the_key(vault, name):
    certificate = vault.escrow.issue(name)
    with pytest.raises(UnreachableError):
        vault.cut_off().hand_over(name, certificate.certificate_id)
    with pytest.raises(UnreachableError):
        vault.cut_off().issue(name)
    assert vault.escrow.hand_over(name, certificate.certificate_id)


@pytest.mark.local
def test_key_fits_its_certificate_and_is_sealed_while_it_waits(real, name):
    certificate = real.escrow.issue(name)
    (item,) = real.items()
    kept = b"".join(bytes(item[part]) for part in ("sealed", "data_key"))
    assert item["expires_at_s"] == real.clock.now_s() + KEPT_S
    key_pem = real.escrow.hand_over(name, certificate.certificate_id)
    for line in key_pem.splitlines():
        assert line.encode() not in kept
    key = load_pem_private_key(key_pem.encode(), None)
    issued = load_pem_x509_certificate(certificate.pem.encode())
    assert key.public_key() == issued.public_key()


@pytest.mark.local
def test_key_is_bound_to_its_thing(real, name):
    certificate = real.escrow.issue(name)
    dynamodb = real.cloud.client("dynamodb")
    (item,) = dynamodb.scan(TableName=real.table)["Items"]
    moved = {**item, "name": {"S": f"other#{certificate.certificate_id}"}}
    dynamodb.put_item(TableName=real.table, Item=moved)
    with pytest.raises(HotsiteError, match="other"):
        real.escrow.hand_over("other", certificate.certificate_id)
    assert real.escrow.hand_over(name, certificate.certificate_id)
