import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.policies import Place, localised, neutral, size
from hotsite.errors import InvalidInputError

HERE = Place("eu-central-1", "123456789012")
THERE = Place("eu-west-1", "123456789012")


def document(*resources):
    statement = {"Effect": "Allow", "Action": "iot:Publish", "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def test_the_same_policy_of_two_regions_is_one_in_the_record():
    texts = [
        document(f"arn:aws:iot:{place.region}:{place.account_id}:topic/dt/*")
        for place in (HERE, THERE)
    ]
    assert neutral(texts[0], HERE) == neutral(texts[1], THERE)
    assert json.loads(localised(neutral(texts[0], HERE), THERE)) == json.loads(texts[1])


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:aws:iot:us-east-1:123456789012:topic/x",
        "arn:aws:iot:*:*:topic/eu-central-1/x",
        "arn:aws:s3:::bucket/eu-central-1",
        "${iot:Connection.Thing.ThingName}",
    ],
)
def test_what_names_no_region_of_ours_goes_everywhere_unchanged(resource):
    there = localised(neutral(document(resource), HERE), THERE)
    assert json.loads(there)["Statement"][0]["Resource"] == [
        resource.replace("123456789012", THERE.account_id)
    ]


@given(st.lists(st.text(max_size=20), max_size=3))
def test_there_and_back_is_the_same_text(resources):
    once = neutral(document(*resources), HERE)
    assert neutral(localised(once, THERE), THERE) == once


@pytest.mark.parametrize("text", ["", "{nope", "[]", '"x"', "3"])
def test_text_that_is_no_json_object_is_refused(text):
    with pytest.raises(InvalidInputError, match="JSON"):
        neutral(text, HERE)


def test_white_space_does_not_count():
    assert size('{ "a":\n\t1 }') == len('{"a":1}')
