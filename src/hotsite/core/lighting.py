"""Whether the standby's compute is to be on once its templates are deployed.

A pilot light that is lit is not put out by the way: CloudFormation leaves alone what a
change does not touch, but a change that touches the canary's clock writes all of it,
and a change that fails writes what was there before. So what is on stays on, and is
looked at again afterwards; putting out takes a word of its own. Pure.
"""

from dataclasses import dataclass

from hotsite.core.epoch import Epoch
from hotsite.errors import InvalidInputError, UnsafePlanError

# The parameter that the standby's templates have, and its two values.
PARAMETER = "Compute"
ON, OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class Light:
    """The standby as it is.

    Attributes:
        epoch: The newest that it knows, which says who is active.
        lit: What of its compute is on.
    """

    epoch: Epoch
    lit: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the templates are told, and what is to be said about it.

    Attributes:
        value: Of the parameter.
        reason: For the plan; empty where nothing is unusual.
    """

    value: str
    reason: str = ""

    @property
    def is_on(self) -> bool:
        """Tell whether the standby's compute is to be on."""
        return self.value == ON


def choose(
    light: Light | None, *, standby: str, is_pilot: bool, puts_out: bool = False
) -> Choice:
    """Return what the standby's compute is to be.

    Args:
        light: What it is; None where nothing is deployed, or nothing can be off.
        standby: Letter of the site that may be a pilot light.
        is_pilot: Whether the settings say that it is one.
        puts_out: Whether one that is lit is to be put out.

    Raises:
        InvalidInputError: There is no pilot light to put out.
        UnsafePlanError: It is what serves.
    """
    if puts_out and not (is_pilot and light is not None):
        raise InvalidInputError("--put-out: there is no pilot light here")
    if not is_pilot:
        return Choice(ON)
    if light is None:
        return Choice(OFF)
    serves = light.epoch.active == standby
    if serves and puts_out:
        raise UnsafePlanError(
            f"--put-out: {standby} is active by {light.epoch}: hotsite failback first"
        )
    if serves:
        return Choice(ON, f"{standby} is active ({light.epoch}), so it stays lit")
    if puts_out:
        return Choice(OFF, f"{standby} is put out: {_names(light.lit)}")
    if light.lit:
        said = f"{standby} is lit ({_names(light.lit)}), and stays so until --put-out"
        return Choice(ON, said)
    return Choice(OFF)


def _names(lit: tuple[str, ...]) -> str:
    return ", ".join(lit) or "nothing is on"
