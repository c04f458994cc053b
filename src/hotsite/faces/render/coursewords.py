"""What happens in the course of an outage, in words: one line for each fact."""

from hotsite.core.course import (
    Ending,
    OperationEnded,
    OperationTold,
    Outage,
    OutageBegan,
    OutageEnded,
    SiteAwaited,
    SiteSpoke,
)

_BEGAN = {
    Outage.KILL: "site {} was killed",
    Outage.FREEZE: "site {} was frozen",
    Outage.BROKER: "the broker of site {} fell silent",
    Outage.TABLES: "the tables of site {} fail",
    Outage.BROWN_OUT: "site {} is browning out",
    Outage.PARTITION: "the sites are cut off from each other",
    Outage.UNSEEN: "health checkers do not reach site {}",
    Outage.DNS_FREEZE: "DNS is frozen",
    Outage.CONTROL_PLANE: "the control planes of site {} do not answer",
}
_ENDED = {
    Outage.KILL: "site {} is back",
    Outage.FREEZE: "site {} goes on",
    Outage.BROKER: "the broker of site {} answers again",
    Outage.TABLES: "the tables of site {} are well",
    Outage.BROWN_OUT: "site {} is whole again",
    Outage.PARTITION: "the sites reach each other again",
    Outage.UNSEEN: "health checkers reach site {} again",
    Outage.DNS_FREEZE: "DNS follows health checks again",
    Outage.CONTROL_PLANE: "the control planes of site {} answer again",
}
ENDINGS = {
    Ending.DONE: "done",
    Ending.REFUSED: "refused",
    Ending.NOT_READY: "not done yet",
}


def words(fact: object) -> str | None:
    """Return a fact of a course as one line, or None for all other facts."""
    text: str | None = None
    match fact:
        case OutageBegan(outage=outage, site=site, share=share):
            part = f": {share:.0%} fails" if outage is Outage.BROWN_OUT else ""
            text = _BEGAN[outage].format(site) + part
        case OutageEnded(outage=outage, site=site):
            text = _ENDED[outage].format(site)
        case SiteSpoke():
            text = _switch_words(fact)
        case OperationEnded():
            text = _ending_words(fact)
        case SiteAwaited(site=site, took_s=None):
            text = f"{site} did not take over in time"
        case OperationTold(text=line):
            text = line
        case _:
            pass
    return text


def _ending_words(fact: OperationEnded) -> str:
    what = f"{fact.operation.value} to {fact.site}: {ENDINGS[fact.ending]}"
    if fact.ending is Ending.DONE:
        return f"{what} after {fact.took_s:.1f} s"
    return f"{what}: {fact.text}"


def _switch_words(fact: SiteSpoke) -> str:
    if fact.is_on is None:
        return f"the switch of {fact.site} does not answer"
    state = "on" if fact.is_on else "off"
    return f"the switch of {fact.site} is {state}: epoch {fact.epoch} ({fact.active})"
