"""Which names the record keeps, and which each Region's own stack makes."""

from dataclasses import dataclass

from hotsite.core.registry import Key, Kind


@dataclass(frozen=True, slots=True)
class Scope:
    """What belongs to hotsite itself.

    Attributes:
        prefix: What the names of hotsite's own resources begin with.
    """

    prefix: str = "hotsite"

    def is_kept(self, key: Key) -> bool:
        """Say whether a key belongs in the record.

        The canary of a Region and what the stacks make are there in every
        Region already, each with that Region's own content.

        Args:
            key: Any key.
        """
        if key.name.startswith(f"{self.prefix}-canary"):
            return False
        if key.kind in {Kind.POLICY, Kind.THING_GROUP, Kind.THING_TYPE}:
            return key.name not in {f"{self.prefix}-fleet", f"{self.prefix}-device"}
        return True
