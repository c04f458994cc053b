"""Keys in escrow: sealed by KMS in a real Region, and gone once they are fetched."""

import json
import uuid

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from tests.contract.world import RUN, Cloud, make_table

from hotsite.adapters.aws.escrow import EscrowClients, KmsEscrow
from hotsite.adapters.aws.items import from_wire
from hotsite.core.escrow import KEPT_S
from hotsite.errors import UnreachableError
from hotsite.sim.clock import SimClock

pytestmark = pytest.mark.local


class Vault:
    """The escrow of a Region, and a look past it into its table."""

    def __init__(self, region):
        self.cloud, self.clock = Cloud.local(region), SimClock()
        self.table = f"{RUN}-escrow-{uuid.uuid4().hex[:6]}"
        make_table(self.cloud, self.table, "name")
        self.key_id = self.cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.escrow = self.open(self.cloud)

    def open(self, cloud):
        clients = EscrowClients(*map(cloud.client, ("dynamodb", "iot", "kms")))
        return KmsEscrow(clients, self.table, self.key_id, clock=self.clock)

    def items(self):
        found = self.cloud.client("dynamodb").scan(TableName=self.table)["Items"]
        return [from_wire(item) for item in found]


@pytest.fixture(scope="module")
def vault(region):
    return Vault(region)


def test_key_fits_its_certificate_is_sealed_while_it_waits_and_gone_after(vault, name):
    certificate = vault.escrow.issue(name)
    (item,) = vault.items()
    kept = b"".join(bytes(item[part]) for part in ("sealed", "data_key"))
    assert item["expires_at_s"] == vault.clock.now_s() + KEPT_S
    key_pem = vault.escrow.hand_over(name, certificate.certificate_id)
    for line in key_pem.splitlines():
        assert line.encode() not in kept
    key = load_pem_private_key(key_pem.encode(), None)
    issued = load_pem_x509_certificate(certificate.pem.encode())
    assert key.public_key() == issued.public_key()
    assert vault.items() == []
    assert vault.escrow.hand_over(name, certificate.certificate_id) is None


def test_key_that_is_fetched_too_late_is_gone_as_well(vault, name):
    certificate = vault.escrow.issue(name)
    vault.clock.sleep(KEPT_S + 1)
    assert vault.escrow.hand_over(name, certificate.certificate_id) is None
    assert vault.items() == []


def test_key_is_bound_to_its_thing(vault, name):
    certificate = vault.escrow.issue(name)
    (item,) = vault.cloud.client("dynamodb").scan(TableName=vault.table)["Items"]
    moved = {**item, "name": {"S": f"other#{certificate.certificate_id}"}}
    vault.cloud.client("dynamodb").put_item(TableName=vault.table, Item=moved)
    with pytest.raises(Exception, match="other"):
        vault.escrow.hand_over("other", certificate.certificate_id)
    assert vault.escrow.hand_over(name, certificate.certificate_id)
    vault.cloud.client("dynamodb").delete_item(
        TableName=vault.table, Key={"name": moved["name"]}
    )


def test_silent_region_keeps_the_key(vault, region, name):
    certificate = vault.escrow.issue(name)
    dead = vault.open(Cloud.local(region, "http://127.0.52.1:9"))
    with pytest.raises(UnreachableError):
        dead.hand_over(name, certificate.certificate_id)
    with pytest.raises(UnreachableError):
        dead.issue(name)
    assert vault.escrow.hand_over(name, certificate.certificate_id)


def test_nobody_fetches_what_is_not_there(vault, name):
    assert vault.escrow.hand_over(name, "0" * 64) is None
    assert json.dumps(vault.items()) == "[]"
