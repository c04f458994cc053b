"""A pilot light in a Region: a rule and an event source, both off."""

import io
import json
import uuid
import zipfile

from hotsite.adapters.aws.compute import AwsCompute

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ],
}


def pilot_light(cloud):
    """Return the port on a rule and a mapping of their own."""
    prefix = f"light{uuid.uuid4().hex[:8]}"
    events, lambdas = cloud.client("events"), cloud.client("lambda")
    events.put_rule(
        Name=f"{prefix}-canary", ScheduleExpression="rate(1 day)", State="DISABLED"
    )
    role = cloud.client("iam").create_role(
        RoleName=f"{prefix}-role", AssumeRolePolicyDocument=json.dumps(_TRUST)
    )
    lambdas.create_function(
        FunctionName=f"{prefix}-meter",
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="x.handler",
        Code={"ZipFile": _empty_zip()},
    )
    table = cloud.client("dynamodb").create_table(
        TableName=f"{prefix}-hot",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    lambdas.create_event_source_mapping(
        FunctionName=f"{prefix}-meter",
        EventSourceArn=table["TableDescription"]["LatestStreamArn"],
        StartingPosition="LATEST",
        Enabled=False,
    )
    return AwsCompute(events, lambdas, prefix)


def _empty_zip():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("x.py", "def handler(event, context):\n    return {}\n")
    return made.getvalue()
