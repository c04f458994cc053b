"""The real telemetry stack in a Region: what devices send, and where it ends."""

import base64
import json
import time

import pytest
from botocore.exceptions import ClientError
from tests.local.region_world import PUBACK, PUBLISH, Authority, config_of, running
from tests.local.telemetry_world import (
    EPOCH,
    LETTER,
    REGION,
    Site,
    eventually,
    message,
)

from hotsite.core import resume
from hotsite.core.intervals import Intervals
from hotsite.core.telemetry import batches
from hotsite.flows.telemetry_redrive import redrive

pytestmark = [pytest.mark.local, pytest.mark.timeout(120)]

EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("telemetry")
    authority = Authority(folder)
    config = config_of(authority, folder, REGION, "127.0.57.1", LETTER)
    with running(config) as region:
        yield Site(region, authority, folder)


def test_live_message_becomes_a_row_that_says_where_when_and_until(site):
    began_s = int(time.time())
    with site.device("live") as device:
        assert device.say("dt/live/telemetry", message(1))[0] == PUBACK
    (row,) = eventually(lambda: site.rows("live"))
    assert row["sk"] == {"S": f"{EPOCH}#000000000001"}
    assert (row["epoch"], row["seq"]) == ({"N": str(EPOCH)}, {"N": "1"})
    assert row["origin"] == {"S": REGION}
    received_s = int(row["received_at_s"]["N"])
    assert began_s <= received_s <= time.time()
    assert int(row["expires_at_s"]["N"]) == received_s + 30 * 86_400


BAD = {
    "no-json": (b"\xff\xfe{", "not JSON"),
    "no-object": (b"[1]", "must be a JSON object"),
    "no-key": (b'{"data":{}}', "epoch must be a whole number"),
    "other-key": (message(1).replace(b'"seq":1', b'"seq":2'), "sk must be"),
    "text-seq": (message(1).replace(b'"seq":1', b'"seq":"1"'), "seq must be"),
    "no-data": (
        b'{"sk":"0000000001#000000000001","epoch":1,"seq":1}',
        "published_at_s",
    ),
    "null-data": (message(1).replace(b'{"celsius":20.5}', b"null"), "data must be"),
    "foreign": (message(1)[:-1] + b',"thing":"somebody"}', "thing must be 'foreign'"),
    "large": (message(1).replace(b"20.5", b'"%s"' % (b"x" * 20_000)), "at most 16384"),
}


@pytest.mark.parametrize("thing", BAD)
def test_what_is_no_message_is_archived_whole_with_its_reason(site, thing):
    payload, reason = BAD[thing]
    topic = f"dt/{thing}/telemetry"
    with site.device(thing) as device:
        assert device.say(topic, payload)[0] == PUBACK
        assert device.say(topic, message(7))[0] == PUBACK
    refusal = site.await_refusal(topic)
    assert reason in refusal["reason"]
    assert base64.b64decode(refusal["payload_base64"]) == payload
    assert site.seqs(thing) == [7]


def test_batch_is_taken_apart_and_what_is_malformed_does_not_stop_it(site):
    good = [message(seq) for seq in range(1, 61)]
    payload = b"[" + b",".join([*good[:30], b'{"seq":1}', *good[30:]]) + b"]"
    with site.device("batches") as device:
        assert device.say("dt/batches/batch", payload)[0] == PUBACK
    refusal = site.await_refusal("dt/batches/batch")
    assert refusal["reason"] == "1 refused: epoch must be a whole number"
    eventually(lambda: site.seqs("batches") == list(range(1, 61)))
    row = site.rows("batches")[0]
    assert row["origin"] == {"S": REGION}
    assert row["data"] == {"M": {"celsius": {"N": "20.5"}}}


def test_device_is_told_what_is_held_and_what_is_missing(site):
    thing = "asks"
    with site.device(thing) as device:
        device.subscribe(f"cmd/{thing}/#")
        for seq in (1, 2, 3, 5, 6):
            device.say(f"dt/{thing}/telemetry", message(seq))
        ask = resume.Ask(7, (resume.Range(EPOCH, 1, 8),))
        assert device.say(f"dt/{thing}/resume", resume.encode(ask))[0] == PUBACK
        kind, body = device.packet()
    assert kind == PUBLISH
    answer = resume.decode_answer(body[body.index(b"{") :])
    assert (answer.token, answer.throttle_spread_s) == (7, 2.0)
    assert resume.vouched(ask, answer) == {EPOCH: Intervals(((1, 3), (5, 6)))}
    assert answer.holdings[0].watermark == 3


def test_question_that_is_none_is_archived_and_not_answered(site):
    with site.device("babbles") as device:
        device.say("dt/babbles/resume", b"what?")
    assert "not JSON" in site.await_refusal("dt/babbles/resume")["reason"]


def test_backlog_that_comes_at_once_is_stored_whole(site):
    thing, count = "backlog", 1500
    payloads = [message(seq) for seq in range(1, count + 1)]
    with site.device(thing) as device:
        for _, payload in batches(payloads):
            assert device.say(f"dt/{thing}/batch", payload)[0] == PUBACK
    eventually(lambda: len(site.seqs(thing)) == count, within_s=30)


def test_what_comes_in_plain_text_is_refused_by_queue_and_bucket(site):
    iam = site.client("iam")
    iam.create_user(UserName="somebody")
    iam.put_user_policy(
        UserName="somebody", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING)
    )
    key = iam.create_access_key(UserName="somebody")["AccessKey"]
    queue, bucket = site.outputs["ErrorQueue"], site.outputs["ErrorBucket"]

    def looks(*, is_plain):
        sqs, s3 = (
            site.region.client(
                service,
                aws_access_key_id=key["AccessKeyId"],
                aws_secret_access_key=key["SecretAccessKey"],
            )
            for service in ("sqs", "s3")
        )
        for client in (sqs, s3) if is_plain else ():
            client.meta.events.register("before-sign.*.*", says_that_it_is_plain)
        yield lambda: sqs.get_queue_attributes(QueueUrl=queue)
        yield lambda: s3.list_objects_v2(Bucket=bucket, MaxKeys=1)

    for look in looks(is_plain=False):
        assert look()["ResponseMetadata"]["HTTPStatusCode"] == 200
    for look in looks(is_plain=True):
        with pytest.raises(ClientError) as refused:
            look()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def says_that_it_is_plain(request, **_):
    request.headers["X-Forwarded-Proto"] = "http"


def test_batch_that_could_not_be_stored_is_archived_and_redriven(site):
    thing, topic = "unlucky", "dt/unlucky/batch"
    payload = b"[" + message(1) + b"," + message(2) + b"]"
    with site.device(thing) as device, site.broken_batch():
        assert device.say(topic, payload)[0] == PUBACK
        refusal = site.await_refusal(topic)
    assert base64.b64decode(refusal["payload_base64"]) == payload
    assert "write into the hot table" in refusal["reason"]
    stores = site.stores()
    done = {each.name: each for each in redrive(stores, is_trial=True)}
    assert site.rows(thing) == []
    for each in redrive(stores, is_trial=False):
        assert (each.stored, each.reason) == (
            done[each.name].stored,
            done[each.name].reason,
        )
    assert site.seqs(thing) == [1, 2]
    assert topic in {each["topic"] for each in site.refusals("redriven/").values()}
    assert topic not in {each["topic"] for each in site.refusals().values()}
