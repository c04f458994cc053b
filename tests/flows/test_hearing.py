"""A batch of messages about what others changed."""

from dataclasses import replace

from tests.flows.test_capture import FIRST, OVEN, applied_oven, around, calls, intake_of

from hotsite.core.deletions import Limit
from hotsite.core.registry import CertificateStatus, Key, Kind, Thing, thing_key
from hotsite.flows.hearing import Message, hear
from hotsite.flows.replication import apply
from hotsite.ports.unrecorded import NamePage
from hotsite.sim.registry import SimRegistry


class Around:
    """Whose a certificate is, from the registry of a simulated Region."""

    def __init__(self, registry):
        self.registry = registry

    def things_of(self, certificate_id):
        attached = self.registry.attached.items()
        return tuple(name for name, ids in attached if certificate_id in ids)

    def page(self, what, token=None):
        return NamePage(())


def told(topic, id_="1", **message):
    return Message(id_, {"topic": f"$aws/events/{topic}", **message})


def call(name, id_="1", **request):
    detail = {"eventName": name, "requestParameters": request}
    return Message(id_, {"detail": detail})


def repainted(intake, colour="blue"):
    registry = intake.site.registry
    thing = registry.things["oven"]
    registry.things["oven"] = replace(thing, attributes=(("colour", colour),))
    return {"thingTypeName": None, "attributes": {"colour": colour}}


def test_a_change_is_taken_in_once_however_often_it_was_told():
    a = applied_oven()
    message = repainted(a)
    batch = [told("thing/oven/updated", str(n), **message) for n in range(3)]
    found = hear(batch, a)
    assert [item.is_changed for item in found.taken] == [True]
    assert found.late_ids == ()
    assert a.site.records.read(OVEN).thing.attributes == (("colour", "blue"),)


def test_an_echo_of_our_own_work_asks_nobody():
    a = applied_oven()
    a.site.registry.is_reachable = False
    thing = {"thingTypeName": None, "attributes": {"colour": "red"}}
    place = "thingGroupMembership/thingGroup/fleet/thing/oven/added"
    found = hear([told("thing/oven/created", **thing), told(place)], a)
    assert (found.taken, found.late_ids, found.echo_count) == ((), (), 2)


def test_a_record_that_is_not_applied_yet_is_left_to_the_replicator():
    a = applied_oven()
    record = a.site.records.read(OVEN)
    wanted = replace(record, body=replace(record.thing, attributes=()))
    a.site.records.write(wanted, previous=record)
    message, before = repainted(a), calls(a)
    found = hear([told("thing/oven/updated", **message)], a)
    assert found.late_ids == ("1",)
    assert calls(a) == before
    assert a.site.applied.read(OVEN).failure is None


def test_what_is_not_settled_comes_again_and_the_rest_does_not():
    a = applied_oven()
    message = repainted(a)
    line = a.site.applied.read(OVEN)
    recent = replace(line, applied_at_s=a.site.clock.now_s())
    a.site.applied.write(recent, previous=line)
    a.site.registry.things["lamp"] = Thing("lamp")
    found = hear(
        [told("thing/oven/updated", "1", **message), told("thing/lamp/created", "2")],
        a,
    )
    assert found.late_ids == ("1",)
    assert a.site.records.read(thing_key("lamp")).thing is not None


def test_a_revoked_certificate_is_found_by_its_thing():
    a = applied_oven()
    registry: SimRegistry = a.site.registry
    revoked = replace(FIRST, status=CertificateStatus.REVOKED)
    registry.certificates[FIRST.certificate_id] = revoked
    a = around(a, Around(registry))
    heard = call("UpdateCertificate", certificateId=FIRST.certificate_id)
    hear([heard], a)
    assert a.site.records.read(OVEN).revoked == (FIRST.certificate_id,)


REVOCATION = {"certificateId": FIRST.certificate_id, "newStatus": "REVOKED"}


def overwritten_oven():
    """Return a Region whose revocation our own deactivation overwrote, just now."""
    a = applied_oven()
    registry: SimRegistry = a.site.registry
    inactive = replace(FIRST, status=CertificateStatus.INACTIVE)
    registry.certificates[FIRST.certificate_id] = inactive
    line = a.site.applied.read(OVEN)
    recent = replace(line, applied_at_s=a.site.clock.now_s())
    a.site.applied.write(recent, previous=line)
    return around(a, Around(registry))


def test_a_revocation_that_was_overwritten_before_anybody_looked_is_known():
    # Seed 35423 of the disasters: our own deactivation came a moment later.
    a = overwritten_oven()
    message = repainted(a)
    batch = [
        told("thing/oven/updated", "1", **message),
        call("UpdateCertificate", "2", **REVOCATION),
    ]
    assert hear(batch, a).late_ids == ("1", "2")
    a.site.clock.sleep(31)
    assert hear(batch, a).late_ids == ()
    apply(OVEN, a.site)
    record = a.site.records.read(OVEN)
    assert record.revoked == (FIRST.certificate_id,)
    status = a.site.registry.certificates[FIRST.certificate_id].status
    assert status is CertificateStatus.REVOKED
    # What else was changed meanwhile is not lost by it.
    assert record.thing.attributes == (("colour", "blue"),)
    assert a.site.registry.things["oven"].attributes == (("colour", "blue"),)


def test_a_revocation_of_what_is_not_settled_wakes_no_replicator():
    # Waking it would have it overwrite what else was changed outside.
    a = overwritten_oven()
    repainted(a)
    hear([call("UpdateCertificate", **REVOCATION)], a)
    apply(OVEN, a.site)
    assert a.site.registry.things["oven"].attributes == (("colour", "blue"),)


def test_a_refused_revocation_and_one_of_hotsites_own_are_not_recorded():
    a = applied_oven()
    a = around(a, Around(a.site.registry))
    detail = {"eventName": "UpdateCertificate", "requestParameters": REVOCATION}
    hear([Message("1", {"detail": {**detail, "errorCode": "Throttling"}})], a)
    assert a.site.records.read(OVEN).revoked == ()
    name = "hotsite-canary-eu-west-1"
    a.site.registry.things[name] = Thing(name)
    a.site.registry.attached[name] = [FIRST.certificate_id]
    a.site.registry.attached["oven"] = []
    hear([call("UpdateCertificate", **REVOCATION)], a)
    assert a.site.records.read(thing_key(name)).is_absent


def test_a_certificate_of_nobody_is_nobodys_business():
    a = around(intake_of(), Around(SimRegistry()))
    found = hear([call("UpdateCertificate", certificateId="ff" * 32)], a)
    assert (found.taken, found.late_ids) == ((), ())


def test_what_hotsite_itself_makes_is_not_recorded():
    a = intake_of()
    name = "hotsite-canary-eu-west-1"
    a.site.registry.things[name] = Thing(name)
    hear([told(f"thing/{name}/created")], a)
    assert a.site.records.read(thing_key(name)).is_absent
    assert calls(a) == 0


def test_a_message_without_sense_is_told_of_and_dropped():
    a = intake_of()
    found = hear([Message("7", {}), Message("8", {"topic": "$aws/rules/x"})], a)
    (taken,) = found.taken
    assert taken.subject == "7"
    assert found.late_ids == ()


def test_a_region_that_does_not_answer_gets_its_messages_again():
    a = applied_oven()
    a.site.registry.is_reachable = False
    batch = [
        told("thing/oven/updated", "1"),
        told("thingType/lamp/created", "2"),
    ]
    assert hear(batch, a).late_ids == ("1", "2")


def test_shadows_of_a_deleted_thing_are_looked_at_too():
    a = applied_oven()
    registry = a.site.registry
    del registry.things["oven"]
    registry.attached.pop("oven", None)
    found = hear([told("thing/oven/deleted")], a)
    assert {item.subject for item in found.taken} >= {"thing#oven", "shadow#oven"}
    assert a.site.records.read(OVEN).is_deleted
    assert not a.site.records.read(Key(Kind.SHADOWS, "oven")).is_deleted


def test_a_deletion_beyond_the_limit_is_refused_and_told_as_such():
    a = replace(applied_oven(), limit=Limit(floor=0))
    del a.site.registry.things["oven"]
    found = hear([told("thing/oven/deleted")], a)
    assert [one.subject for one in found.taken if one.is_refused] == ["thing#oven"]
    assert found.late_ids == ()
    assert not a.site.records.read(OVEN).is_deleted
