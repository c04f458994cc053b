"""Everything that a Region holds, to compare before and after."""

import contextlib
import hashlib
import json

LISTS = {
    "list_things": ("things", "thingName"),
    "list_thing_types": ("thingTypes", "thingTypeName"),
    "list_thing_groups": ("thingGroups", "groupName"),
    "list_policies": ("policies", "policyName"),
    "list_certificates": ("certificates", "certificateId"),
    "list_ca_certificates": ("certificates", "certificateId"),
}


def inventory(client):
    """Return a fingerprint of each thing that a Region holds, by kind and name."""
    iot, found = client("iot"), {}
    for operation, (items, name) in LISTS.items():
        for page in iot.get_paginator(operation).paginate():
            found |= {(operation, one[name]): _digest(one) for one in page[items]}
    for kind, name in tuple(found):
        if kind == "list_things":
            found |= _around_thing(client, name)
        if kind == "list_thing_groups":
            group = iot.describe_thing_group(thingGroupName=name)
            target = iot.list_attached_policies(target=group["thingGroupArn"])
            found[("policies of group", name)] = _digest(target["policies"])
    dynamodb, s3 = client("dynamodb"), client("s3")
    for table in dynamodb.list_tables()["TableNames"]:
        found[("table", table)] = _digest(dynamodb.scan(TableName=table)["Items"])
    for bucket in s3.list_buckets()["Buckets"]:
        held = s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
        found[("bucket", bucket["Name"])] = _digest([one["ETag"] for one in held])
    return found


def _around_thing(client, name):
    iot, data, found = client("iot"), client("iot-data"), {}
    principals = iot.list_thing_principals(thingName=name)["principals"]
    found[("principals", name)] = _digest(principals)
    with contextlib.suppress(data.exceptions.ResourceNotFoundException):
        payload = data.get_thing_shadow(thingName=name)["payload"].read()
        found[("shadow", name)] = json.loads(payload)["version"]
    return found


def _digest(value):
    text = json.dumps(value, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
