"""A small local cloud for tests: real processes, two tiny stacks of our own."""

import contextlib
import json
import time
from pathlib import Path

import psutil

from hotsite.local import sentinel
from hotsite.local.cloud import CloudConfig, Site, Tables

DOMAIN = "hotsite.test"
SITES = (Site("a", "eu-central-1"), Site("b", "eu-west-1"))
TABLES = Tables("hotsite-registry", "hotsite-telemetry", "hotsite-applied")
OPERATIONS = "hotsite-operations"


def wait_until(condition, limit_s=30.0):
    """Return the first true answer; fail when there is none in time."""
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        if answer := condition():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {limit_s} s: {condition}")


def global_table(name, *sort_key):
    keys = [("pk", "HASH"), *((key, "RANGE") for key in sort_key)]
    return {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": key, "AttributeType": "S"} for key, _ in keys
            ],
            "KeySchema": [{"AttributeName": k, "KeyType": kind} for k, kind in keys],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "Replicas": [{"Region": site.region} for site in SITES],
        },
    }


def site_template(letter):
    record = {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {
            "HostedZoneId": {"Ref": "HostedZoneId"},
            "Name": f"iot.{DOMAIN}.",
            "Type": "CNAME",
            "TTL": "10",
            "ResourceRecords": [
                {"Fn::Sub": "small-ats.iot.${AWS::Region}.amazonaws.com"}
            ],
            "Failover": "PRIMARY" if letter == "a" else "SECONDARY",
            "SetIdentifier": {"Ref": "AWS::Region"},
        },
    }
    return {
        "Parameters": {"HostedZoneId": {"Type": "String"}},
        "Resources": {"Name": record},
    }


def small_artefacts(folder: Path):
    """Write two stacks' worth of templates; return folders of both artefacts."""
    templates, lambdas = folder / "templates", folder / "lambdas"
    templates.mkdir(parents=True)
    lambdas.mkdir()
    stacks = {
        "hotsite-data": (SITES[0], {"Resources": _tables()}),
        **{
            f"hotsite-site-{site.region}": (site, site_template(site.letter))
            for site in SITES
        },
    }
    plan = []
    for name, (site, template) in stacks.items():
        path = templates / f"{name}.template.json"
        path.write_text(json.dumps(template))
        plan.append({"name": name, "region": site.region, "template": path.name})
    (templates / "stacks.json").write_text(json.dumps(plan))
    return templates, lambdas


def _tables():
    return {
        "Registry": global_table(TABLES.registry, "sk"),
        "Telemetry": global_table(TABLES.telemetry, "sk"),
        "Operations": global_table(OPERATIONS, "sk"),
    }


def small_config(folder: Path, name="small", **changes):
    templates, lambdas = small_artefacts(folder / "artefacts")
    return CloudConfig(
        name=name,
        folder=str(folder / "cloud"),
        domain=DOMAIN,
        sites=SITES,
        tables=TABLES,
        templates=str(templates),
        lambdas=str(lambdas),
        **changes,
    )


def processes_of(state):
    """Every process of a cloud that is alive, by whatever makes it one."""
    groups = {each.identity.pid for each in state.processes} | {state.supervisor.pid}
    found = set(sentinel.marked(state.mark))
    for process in psutil.process_iter(["pid", "status"]):
        with contextlib.suppress(psutil.Error, OSError):
            is_ours = process.pid in groups or _group(process.pid) in groups
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


def _group(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[2])


def ports_of(state):
    """Every listening port on the addresses of a cloud."""
    addresses = {site.address for site in state.sites} | {state.dns_address}
    return {
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.net_connections("inet")
        if connection.laddr and connection.laddr.ip in addresses
        if connection.status in {psutil.CONN_LISTEN, psutil.CONN_NONE}
    }


def assert_nothing_left(state):
    wait_until(lambda: not processes_of(state) and not ports_of(state))
