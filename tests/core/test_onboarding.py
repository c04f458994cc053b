import pytest

from hotsite.core import onboarding
from hotsite.core.onboarding import Action, Claim, Entry, Names, Request
from hotsite.core.registry import Certificate
from hotsite.errors import AlreadyUsedError, InvalidInputError, RefusedError

CSR = "-----BEGIN CERTIFICATE REQUEST-----\nx"
CLAIM = Claim("oven-1", "s3cret")
REQUEST = Request(CLAIM, CSR)
FREE = Entry.of(CLAIM, {"model": "x1"})
TAKEN = onboarding.taken(FREE, REQUEST)
ANSWERED = onboarding.enrolled(TAKEN, Certificate("c1", "pem"))


def test_shape_of_a_good_body():
    body = {"claim": {"id": "oven-1", "secret": "s3cret"}, "csr": CSR}
    assert onboarding.parse(body) == REQUEST


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "body must be a JSON object"),
        ({"csr": CSR}, 'claim must be an object with "id" and "secret"'),
        ({"claim": {"id": "a b", "secret": "s"}, "csr": CSR}, "id must be"),
        ({"claim": {"id": 7, "secret": "s"}, "csr": CSR}, "id must be"),
        ({"claim": {"id": "a", "secret": ""}, "csr": CSR}, "secret must be"),
        ({"claim": {"id": "a", "secret": "s" * 257}, "csr": CSR}, "secret must be"),
        ({"claim": {"id": "a", "secret": "s"}}, "csr must be a PEM"),
        ({"claim": {"id": "a", "secret": "s"}, "csr": " "}, "csr must be a PEM"),
        ({"claim": {"id": "a", "secret": "s"}, "csr": "x" * 9000}, "csr is longer"),
    ],
)
def test_bad_body_says_what_and_where(body, message):
    with pytest.raises(InvalidInputError, match=message):
        onboarding.parse(body)


@pytest.mark.parametrize(
    ("entry", "action"),
    [(FREE, Action.ISSUE), (TAKEN, Action.ISSUE), (ANSWERED, Action.REPEAT)],
)
def test_same_claim_and_key_is_let_through(entry, action):
    assert onboarding.decide(REQUEST, entry) is action


@pytest.mark.parametrize("entry", [None, FREE])
def test_unknown_claim_and_wrong_secret_are_told_alike(entry):
    wrong = Request(Claim("oven-1", "guess"), CSR)
    with pytest.raises(RefusedError, match="not known, or its secret is wrong"):
        onboarding.decide(wrong, entry)


@pytest.mark.parametrize("entry", [TAKEN, ANSWERED])
def test_used_claim_with_another_key_is_refused(entry):
    with pytest.raises(AlreadyUsedError, match="used before, with another key"):
        onboarding.decide(Request(CLAIM, CSR + "other"), entry)


def test_secret_never_shows():
    assert "s3cret" not in repr(REQUEST) + repr(FREE)


@pytest.mark.parametrize(
    "name",
    [
        "x.iot.eu-west-1.amazonaws.com",
        "AMAZONAWS.COM.",
        "a.amazonaws.com.cn",
        "b.on.aws",
    ],
)
def test_device_never_gets_an_aws_endpoint(name):
    assert onboarding.is_aws_name(name)
    with pytest.raises(InvalidInputError, match="AWS endpoint"):
        Names((name,), "api.example.com", 8883)


def test_owners_names_are_fine():
    assert not onboarding.is_aws_name("iot.notamazonaws.com")
    assert Names(("iot.example.com",), "api.example.com", 8883).port == 8883


def test_record_of_an_enrolled_device_is_self_contained():
    certificate = Certificate("c1", "pem")
    record = onboarding.record_of(FREE, certificate, type_name="t", group="g")
    assert record.thing.attributes == (("model", "x1"),)
    assert (record.thing.groups, record.certificates) == (("g",), (certificate,))
