"""Private keys: where none may ever be, in a whole cloud of two Regions.

What a run leaves behind is looked through byte by byte: every file of the cloud (the
Regions' states, their logs, the journals), every table, stream and log group of both
Regions as their APIs give them out. That the search finds anything at all is shown by
what must be there: the certificates.
"""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from tests.local.cloud_world import wait_until

from hotsite.adapters.aws.escrow import EscrowClients, KmsEscrow
from hotsite.adapters.clock import SystemClock
from hotsite.core.escrow import KEPT_S
from hotsite.local.client import LocalCloud

ROOT = Path(__file__).parents[2]
TABLE = "hotsite-escrow"
# The emulator looks for what has expired about once a minute.
TTL_S_MAX = 200.0


def hotsite(*arguments, cwd, limit_s=200):
    program = [sys.executable, "-m", "hotsite.faces.cli.main", *map(str, arguments)]
    done = subprocess.run(
        program, cwd=cwd, capture_output=True, text=True, timeout=limit_s, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("custody")
    (ROOT / "build" / "artefacts").mkdir(parents=True, exist_ok=True)
    (home / "build").symlink_to(ROOT / "build")
    hotsite("local", "up", "--detach", cwd=home)
    yield home
    hotsite("local", "down", cwd=home)


@pytest.fixture
def local(home):
    return LocalCloud.open(home / ".hotsite" / "local")


def needles(key_pem):
    """All shapes in which a private key may lie about."""
    key = serialization.load_pem_private_key(key_pem.encode(), None)
    der, pem = serialization.Encoding.DER, serialization.Encoding.PEM
    shapes = []
    for form in (
        serialization.PrivateFormat.PKCS8,
        serialization.PrivateFormat.TraditionalOpenSSL,
    ):
        raw = key.private_bytes(der, form, serialization.NoEncryption())
        text = key.private_bytes(pem, form, serialization.NoEncryption()).decode()
        lines = text.strip().splitlines()[1:-1]
        shapes += [raw, raw.hex().encode(), "".join(lines).encode()]
        # What is public, an RSA key's modulus, stands in the first third.
        kept = lines[len(lines) // 3 :]
        shapes += [line.encode() for line in kept if len(line) == 64]
    numbers = key.private_numbers()
    secret = getattr(numbers, "private_value", None) or numbers.d
    scalar = secret.to_bytes((secret.bit_length() + 7) // 8)
    return [*shapes, scalar, scalar.hex().encode(), base64.b64encode(scalar)[:-4]]


def everything(local, home):
    """Yield what the cloud holds, as (where, bytes)."""
    for path in sorted((home / ".hotsite").rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()
    for site in local.state.sites:
        dynamodb = local.client("dynamodb", site.letter)
        for table in dynamodb.list_tables()["TableNames"]:
            for page in dynamodb.get_paginator("scan").paginate(TableName=table):
                yield f"{site.region} {table}", repr(page["Items"]).encode()
        yield from _streams(local, site)
        logs = local.client("logs", site.letter)
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                name = group["logGroupName"]
                found = logs.filter_log_events(logGroupName=name)["events"]
                yield f"{site.region} {name}", json.dumps(found).encode()


def _streams(local, site):
    streams = local.client("dynamodbstreams", site.letter)
    for one in streams.list_streams()["Streams"]:
        arn = one["StreamArn"]
        described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
        for shard in described["Shards"]:
            iterator = streams.get_shard_iterator(
                StreamArn=arn,
                ShardId=shard["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
            for _ in range(50):
                answer = streams.get_records(ShardIterator=iterator)
                iterator = answer.get("NextShardIterator")
                if not answer["Records"] or iterator is None:
                    break
                yield f"{site.region} {arn}", repr(answer["Records"]).encode()


def found(wanted, places):
    return {where for where, data in places for one in wanted if one in data}


def test_private_key_of_a_device_is_nowhere_but_on_the_device(local, home):
    hotsite("local", "claim", "oven-1", cwd=home)
    hotsite("agent", "new", "oven-1", cwd=home)
    env = json.loads(hotsite("local", "env", "--json", cwd=home))
    said = hotsite(
        "--verbose",
        "onboard",
        "oven-1/request.csr",
        *("--claim", "oven-1/claim.json", "--key", "oven-1/device.key"),
        *("--api", env["HOTSITE_API"], "--ca", env["HOTSITE_CA"]),
        *("--dns", env["HOTSITE_DNS"], "--token-file", env["HOTSITE_TOKEN_FILE"]),
        cwd=home,
    )
    said += hotsite("--verbose", "agent", "run", "oven-1", "--messages", "2", cwd=home)
    places = [*everything(local, home), ("what was said", said.encode())]
    key_pem = (home / "oven-1" / "device.key").read_text()
    assert found(needles(key_pem), places) == set()
    claim = json.loads((home / "oven-1" / "claim.json").read_text())
    assert found([claim["secret"].encode()], places) == set()
    certificate = (home / "oven-1" / "certificate.pem").read_text().splitlines()[2]
    there = found([certificate.encode()], places)
    for kind in ("hotsite-registry", "stream", ".hotsite"):
        assert any(kind in where for where in there), there


def test_private_keys_of_a_fleet_are_nowhere_after_a_drill(local, home):
    text = (ROOT / "drills" / "registry-churn.toml").read_text()
    for key, count in {"before": 24, "meanwhile": 8, "after": 8}.items():
        text = re.sub(rf"(?m)^{key} = \d+", f"{key} = {count}", text)
    (home / "registry-churn.toml").write_text(text)
    given = ("registry-churn.toml", "--local", "local", "--devices", "12")
    said = hotsite("drill", *given, "--out", "drill", cwd=home, limit_s=500)
    keys = sorted((home / "drill" / "world").rglob("*.key"))
    assert len(keys) >= 12
    told = [path for path in (home / "drill").iterdir() if path.is_file()]
    assert {path.name for path in told} >= {"journal.jsonl", "verdict.json"}
    places = [
        *everything(local, home),
        *((path.name, path.read_bytes()) for path in told),
        ("what was said", said.encode()),
    ]
    for path in keys:
        assert found(needles(path.read_text()), places) == set(), path


class Vault:
    """The escrow of one Region of the cloud, as its template makes it."""

    def __init__(self, local, letter):
        clients = [local.client(name, letter) for name in ("dynamodb", "iot", "kms")]
        self.dynamodb = clients[0]
        self.key_id = clients[2].create_key()["KeyMetadata"]["Arn"]
        self.clients = EscrowClients(*clients)
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        ttl = {"Enabled": True, "AttributeName": "expires_at_s"}
        self.dynamodb.update_time_to_live(TableName=TABLE, TimeToLiveSpecification=ttl)

    def escrow(self, clock):
        return KmsEscrow(self.clients, TABLE, self.key_id, clock=clock)

    def names(self):
        found = self.dynamodb.scan(TableName=TABLE)["Items"]
        return {item["name"]["S"] for item in found}


class Early(SystemClock):
    """A clock by which all that is kept has two seconds left."""

    def now_s(self):
        return super().now_s() - KEPT_S + 2


def test_sealed_key_is_gone_after_delivery_and_after_its_time_in_both_regions(
    local, home
):
    vaults = [Vault(local, site.letter) for site in local.state.sites]
    for vault in vaults:
        escrow = vault.escrow(SystemClock())
        fetched, forgotten = (
            escrow.issue("bulb-1"),
            vault.escrow(Early()).issue("bulb-2"),
        )
        assert len(vault.names()) == 2
        key_pem = escrow.hand_over("bulb-1", fetched.certificate_id)
        assert key_pem
        assert vault.names() == {f"bulb-2#{forgotten.certificate_id}"}
        assert found(needles(key_pem), everything(local, home)) == set()
    for vault in vaults:
        # DynamoDB's own TTL, and nothing of ours.
        wait_until(lambda one=vault: not one.names(), limit_s=TTL_S_MAX)
