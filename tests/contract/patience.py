"""A registry whose changes are waited for, as AWS may show them a while later.

DetachThingPrincipal is "asynchronous" and takes "several seconds"; how soon other
changes are seen, botocore's models do not say. What is still not seen within the
bound is left to the test, which says what it expected.
"""

import contextlib

from hotsite.adapters.clock import SystemClock
from hotsite.core.replication import Verb
from hotsite.errors import HotsiteError

WITHIN_S, STEP_S = 30.0, 0.25


class PatientRegistry:
    """Implements ``ports.Registry`` on another one."""

    def __init__(self, registry, clock=None, within_s=WITHIN_S):
        self._registry = registry
        self._clock = clock or SystemClock()
        self._within_s = within_s

    def issue(self, csr_pem):
        return self._registry.issue(csr_pem)

    def observe(self, key, certificate_ids=()):
        return self._registry.observe(key, certificate_ids)

    def page(self, kind, token=None):
        return self._registry.page(kind, token)

    def perform(self, step):
        self._registry.perform(step)
        deadline_s = self._clock.now_s() + self._within_s
        while not self._is_seen(step) and self._clock.now_s() < deadline_s:
            self._clock.sleep(STEP_S)

    def _is_seen(self, step):
        ids = (step.certificate.certificate_id,) if step.certificate else ()
        with contextlib.suppress(HotsiteError):
            return is_seen(step, self._registry.observe(step.key, ids))
        return False


def is_seen(step, seen):
    """Say whether a Region shows what a call has changed."""
    return SIGNS[step.verb](step, seen)


def _is_there(step, seen):
    return seen.body is not None


def _is_gone(step, seen):
    return seen.body is None


def _is_as_wished(*fields):
    def check(step, seen):
        return seen.body is not None and all(
            getattr(seen.body, field) == getattr(step.body, field) for field in fields
        )

    return check


def _certificate(step, seen):
    wanted = step.certificate.certificate_id
    return next((c for c in seen.certificates if c.certificate_id == wanted), None)


def _has_status(step, seen):
    found = _certificate(step, seen)
    return found is not None and found.status is step.certificate.status


def _is_attached(step, seen):
    return step.certificate.certificate_id in seen.attached


def _is_member(step, seen):
    return seen.thing is not None and step.target in seen.thing.groups


def _has_policy(step, seen):
    holder = _certificate(step, seen) if step.certificate else seen.body
    return holder is not None and step.target in holder.policies


def _has_shadow(step, seen):
    documents = seen.body.documents if seen.body else ()
    return step.target in dict(documents)


def _is_updated(step, seen):
    # A shadow may hold nothing any more after parts of it were removed.
    return "null" in step.document or _has_shadow(step, seen)


def _not(check):
    return lambda step, seen: not check(step, seen)


SIGNS = {
    Verb.REGISTER_CERTIFICATE: _has_status,
    Verb.UPDATE_CERTIFICATE: _has_status,
    Verb.DELETE_CERTIFICATE: lambda step, seen: _certificate(step, seen) is None,
    Verb.ATTACH_CERTIFICATE: _is_attached,
    Verb.DETACH_CERTIFICATE: _not(_is_attached),
    Verb.CREATE_THING: _is_there,
    Verb.UPDATE_THING: _is_as_wished("type_name", "attributes"),
    Verb.DELETE_THING: _is_gone,
    Verb.ADD_TO_GROUP: _is_member,
    Verb.REMOVE_FROM_GROUP: _not(_is_member),
    Verb.CREATE_THING_TYPE: _is_there,
    Verb.DEPRECATE_THING_TYPE: _is_as_wished("is_deprecated"),
    Verb.DELETE_THING_TYPE: _is_gone,
    Verb.CREATE_THING_GROUP: _is_there,
    Verb.UPDATE_THING_GROUP: _is_as_wished("description", "attributes"),
    Verb.DELETE_THING_GROUP: _is_gone,
    Verb.CREATE_POLICY: _is_there,
    Verb.CREATE_POLICY_VERSION: _is_as_wished("document"),
    Verb.DELETE_POLICY_VERSION: lambda step, seen: step.target not in seen.versions,
    Verb.DELETE_POLICY: _is_gone,
    Verb.ATTACH_POLICY: _has_policy,
    Verb.DETACH_POLICY: _not(_has_policy),
    Verb.REGISTER_CA_CERTIFICATE: _is_there,
    Verb.UPDATE_CA_CERTIFICATE: _is_as_wished("is_active", "registers_devices"),
    Verb.DELETE_CA_CERTIFICATE: _is_gone,
    Verb.UPDATE_SHADOW: _is_updated,
    Verb.DELETE_SHADOW: _not(_has_shadow),
}
