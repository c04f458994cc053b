"""What is read of the SDK's models is what the SDK says itself."""

import botocore.session
import pytest

from hotsite.local.region.models import Model, metadata, reading

# What the templates and the tests talk to, and names that differ from their models'.
SERVICES = (
    "acm",
    "apigatewayv2",
    "cloudformation",
    "dynamodb",
    "dynamodbstreams",
    "events",
    "firehose",
    "iam",
    "iot",
    "iot-data",
    "kms",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "service-quotas",
    "sqs",
    "stepfunctions",
    "sts",
)


@pytest.mark.parametrize("service", SERVICES)
def test_the_metadata_of_each_service_is_that_of_its_model(service):
    model = botocore.session.get_session().get_service_model(service)
    assert metadata(service) == model.metadata


def test_an_unknown_service_is_asked_for_as_before():
    asked = []
    model = reading({"states": "stepfunctions"}, asked.append)
    assert model("mars") is None
    assert asked == ["mars"]
    assert model("states") == Model(metadata("stepfunctions"))
