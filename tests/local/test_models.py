"""What is read of the SDK's models is what the SDK says itself."""

import boto3
import botocore.session
import pytest

from hotsite.local.region.models import Model, metadata, reading

SERVICES = boto3.session.Session().get_available_services()


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
