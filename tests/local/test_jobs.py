"""Jobs as the emulator's own broker carries them; nothing is started for it."""

import json

from ministack.services import iot

from hotsite.core import jobs
from hotsite.core.firmware import Reason

ACCOUNT, REGION, THING = "123456789012", "eu-central-1", "oven-of-jobs"
ASK = b'{"includeJobDocument":true}'


async def call(method, path, document):
    with iot.request_scope(ACCOUNT, REGION):
        body = json.dumps(document).encode()
        status, _, answer = await iot.handle_request(method, path, {}, body, {})
    assert status == 200, answer
    return json.loads(answer)


async def test_job_goes_from_queued_to_succeeded_by_what_a_device_reads_and_says():
    heard = []

    async def hear(topic, payload, _qos):
        heard.append((topic, payload))

    async def say(topic, payload):
        heard.clear()
        await iot.broker_publish(ACCOUNT, REGION, topic, payload, qos=0)

    async def ask():
        await say(jobs.ask_topic(THING), ASK)
        (answer,) = heard
        return jobs.decode(THING, *answer)

    await call("POST", f"/things/{THING}", {})
    job = {
        "targets": [f"arn:aws:iot:{REGION}:{ACCOUNT}:thing/{THING}"],
        "document": json.dumps({"hotsite": "update-firmware"}),
    }
    for topic_filter in jobs.filters(THING):
        await iot.broker_subscribe(ACCOUNT, REGION, topic_filter, hear, 1)
    await call("PUT", "/jobs/update-1", job)
    # Whoever listens is told without asking.
    (notice,) = heard
    found = jobs.decode(THING, *notice)
    assert found == await ask() == jobs.Execution("update-1", jobs.Status.QUEUED)
    assert jobs.resumed(found, "1.0.0") is None
    report = jobs.asked(Reason.TAKEN, "1.0.0", "1.1.0")
    await say(jobs.report_topic(THING, "update-1"), report.payload())
    after = await ask()
    assert after.details == {"from": "1.0.0", "to": "1.1.0"}
    end = jobs.resumed(after, "1.1.0")
    await say(jobs.report_topic(THING, "update-1"), end.payload())
    said = await call("GET", f"/things/{THING}/jobs/update-1", None)
    assert said["execution"]["status"] == "SUCCEEDED"
    assert await ask() is None
