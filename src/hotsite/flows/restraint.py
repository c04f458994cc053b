"""Keep who issues certificates from doing more to a Region than a device needs.

What stands on the internet should be able to do little: it gives a thing its
certificate and closes certificates, and looks at nothing but that thing. What else
a record asks for is somebody else's change, which the replicator makes anyway; here
it is refused as not ready, so that the record waits for the replicator. The role
refuses it, too, but what IAM refuses counts as failed for good.
"""

from collections.abc import Sequence
from dataclasses import replace

from hotsite.core.registry import Certificate, Key, Kind
from hotsite.core.replication import Present, Step, Verb
from hotsite.errors import NotReadyError, RefusedError
from hotsite.flows.replication import Site
from hotsite.ports import KeyPage, Registry
from hotsite.ports.unrecorded import NamePage, Unrecorded

# What it takes to let a device in, or to shut it out. A thing of that name may be
# there already with other attributes, and a plan changes it before it attaches.
VERBS = frozenset(
    {
        Verb.REGISTER_CERTIFICATE,
        Verb.UPDATE_CERTIFICATE,
        Verb.CREATE_THING,
        Verb.UPDATE_THING,
        Verb.ATTACH_CERTIFICATE,
        Verb.ADD_TO_GROUP,
    }
)


def restrained(site: Site) -> Site:
    """Return a site that does for a device what it needs at once, and no more.

    Args:
        site: The ports of a Region.
    """
    return replace(
        site, registry=_Registry(site.registry), surroundings=_Surroundings()
    )


class _Registry:
    """Implements ``ports.Registry`` on another one, for things alone."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def issue(self, csr_pem: str) -> Certificate:
        """Issue an ACTIVE certificate for a signing request."""
        return self._registry.issue(csr_pem)

    def perform(self, step: Step) -> None:
        """Make one call, if a device needs it."""
        if step.verb not in VERBS:
            raise _left(f"{step.verb.value} of {step.key}")
        self._registry.perform(step)

    def observe(self, key: Key, certificate_ids: Sequence[str] = ()) -> Present:
        """Return what IoT Core holds of a thing, whole."""
        if key.kind is not Kind.THING:
            raise _left(str(key))
        return self._registry.observe(key, certificate_ids)

    def page(self, kind: Kind, token: str | None = None) -> KeyPage:
        """Refuse: who gives out certificates lists nothing."""
        del token
        raise RefusedError(f"names of kind {kind.value} are not for this function")


class _Surroundings:
    """Implements ``ports.Surroundings``: leaves who else has a certificate open."""

    def things_of(self, certificate_id: str) -> tuple[str, ...]:
        """Leave it, rather than to take a shared certificate for a thing's own."""
        raise _left(f"whose certificate {certificate_id} is")

    def page(self, what: Unrecorded, token: str | None = None) -> NamePage:
        """Refuse: who gives out certificates lists nothing."""
        del token
        raise RefusedError(f"{what.value}s are not for this function")


def _left(what: str) -> NotReadyError:
    return NotReadyError(f"{what} is left to the replicator")
