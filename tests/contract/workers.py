"""Workers of one Region that share its quotas, in memory and on a real table."""

from tests.contract.world import NOBODY_LISTENS_PORT, Cloud

from hotsite.adapters.aws.quotas import DynamoQuota
from hotsite.sim.clock import SimClock
from hotsite.sim.quota import SimQuota

LIMITS = {"CreateThing": 100.0, "UpdateCertificate": 10.0}
SHARE = 0.5


class SimWorkers:
    """Workers of one Region in memory, that share its quotas."""

    def __init__(self):
        self.clock = SimClock()
        self.shared = SimQuota(LIMITS, self.clock, share=SHARE)

    def start(self):
        return self.shared

    def start_cut_off(self):
        self.shared.is_reachable = False
        return self.shared


class CloudWorkers:
    """Workers with a table in a Region."""

    def __init__(self, cloud, tables):
        self.clock, self.cloud, self.table = SimClock(), cloud, tables.applied

    def start(self, cloud=None):
        dynamodb = (cloud or self.cloud).client("dynamodb")
        return DynamoQuota(dynamodb, self.table, LIMITS, clock=self.clock, share=SHARE)

    def start_cut_off(self):
        settings = {
            "endpoint_url": f"http://127.0.52.1:{NOBODY_LISTENS_PORT}",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        return self.start(Cloud(self.cloud.region, self.cloud.account_id, settings))
