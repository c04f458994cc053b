"""How each check of ``core/conformance_checks.py`` decides.

A judge takes the evidence and the bound of its check, and says what it found.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from hotsite.core.attempts import Attempt, Episode
from hotsite.core.conformance import Evidence, Judgement, Said
from hotsite.core.intervals import Intervals
from hotsite.core.outbox import Key
from hotsite.core.sightings import Acknowledged, Published, Query

_PASS, _FAIL, _UNSEEN = Judgement.PASS, Judgement.FAIL, Judgement.NOT_OBSERVED
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
# AWS IoT Core takes keep-alive times of 30 to 1,200 s; 0 and more mean 1,200, less
# means 30 (AWS IoT Core quotas, "Connection inactivity (keep-alive interval)").
_KEEP_ALIVE_AWS_MAX_S = 1200
# A device that subscribes does it at once; this is for slow ones.
_SUBSCRIBE_S_MAX = 5.0
# Fewer gaps than these say nothing about growth, or about chance.
_GAPS_MIN = 3
_PAIRS_MIN = 3
# Two waits of one rank are "the same" when they differ by less: a handshake takes
# some hundredths of a second, and chance brings waits that near in 1 of 10 cases.
_SAME_RATIO, _SAME_S = 0.1, 0.1
# Chance makes the first wait as short as it likes; below this it is no measure.
_FIRST_GAP_S_MIN = 0.5
# The clocks of two log lines and the network between them.
_SPACING_SLACK_S = 0.05


def connects(evidence: Evidence, _bound: float) -> Said:
    """Ask whether a message was acknowledged at all."""
    thing = evidence.subject.thing
    acknowledged = [m for one in _acknowledged(evidence) for m in one.messages]
    if acknowledged:
        return Said(_PASS, f"{len(set(acknowledged))} messages were acknowledged")
    accepted = [one for one in evidence.story.attempts if one.accepted_at_s]
    if accepted:
        return Said(_FAIL, "it was let in, and no telemetry of it was acknowledged")
    clients = {one.connect.client_id for one in evidence.story.attempts if one.connect}
    if clients - {thing}:
        return Said(_FAIL, f"client id {min(clients)!r} is not the thing {thing!r}")
    return Said(_FAIL, f"{len(evidence.story.attempts)} attempts, none was let in")


def sni(evidence: Evidence, _bound: float) -> Said:
    """Ask for the server names of all ClientHellos."""
    attempts, names = evidence.story.attempts, evidence.subject.names
    if not attempts:
        return Said(_UNSEEN, "no ClientHello was seen")
    wrong = [one for one in attempts if one.server_name not in names]
    if not wrong:
        said = ", ".join(sorted({one.server_name for one in attempts}))
        return Said(_PASS, f"{len(attempts)} ClientHellos asked for {said}")
    shown = wrong[0].server_name or "nothing"
    share = f"{len(wrong)} of {len(attempts)} ClientHellos"
    return Said(_FAIL, f"{share} asked for {shown}", float(len(wrong)))


def aws_names(evidence: Evidence, _bound: float) -> Said:
    """Look for AWS endpoints in questions and ClientHellos."""
    asked = [one.name for one in evidence.story.seen if isinstance(one, Query)]
    asked_for = [one.server_name for one in evidence.story.attempts]
    found = sorted({name for name in [*asked, *asked_for] if name.endswith(_AWS)})
    if found:
        return Said(_FAIL, f"it knows {', '.join(found)}", float(len(found)))
    if not asked:
        return Said(_UNSEEN, "it asked our name server nothing")
    return Said(_PASS, f"{len(asked)} questions, none about an AWS endpoint", 0.0)


def keep_alive(evidence: Evidence, bound: float) -> Said:
    """Look at the keep-alive of the CONNECTs."""
    values = {
        one.connect.keep_alive_s for one in evidence.story.attempts if one.connect
    }
    if not values:
        return Said(_UNSEEN, "no CONNECT was seen")
    told = max(values, key=lambda value: value or _KEEP_ALIVE_AWS_MAX_S)
    meant = told or _KEEP_ALIVE_AWS_MAX_S
    text = f"the CONNECT says {told} s"
    if told == 0 or told > _KEEP_ALIVE_AWS_MAX_S:
        text += f", which AWS takes as {_KEEP_ALIVE_AWS_MAX_S} s"
        meant = _KEEP_ALIVE_AWS_MAX_S
    return Said(_PASS if meant <= bound else _FAIL, text, float(meant))


def qos(evidence: Evidence, _bound: float) -> Said:
    """Look for telemetry without acknowledgement."""
    sent = [one for one in _published(evidence) if one.messages]
    if not sent:
        return Said(_UNSEEN, "no telemetry message was seen")
    unsafe = sum(not one.qos for one in sent)
    text = f"{len(sent)} PUBLISHes of telemetry, {unsafe} of them with QoS 0"
    return Said(_FAIL if unsafe else _PASS, text, float(unsafe))


def well_formed(evidence: Evidence, _bound: float) -> Said:
    """Look for telemetry without a key."""
    sent = _published(evidence)
    refused = sum(one.refused for one in sent)
    total = refused + sum(len(one.messages) for one in sent)
    if not total:
        return Said(_UNSEEN, "nothing was published on the topics of telemetry")
    text = f"{total - refused} of {total} messages can be read"
    return Said(_FAIL if refused else _PASS, text, float(refused))


def subscribes(evidence: Evidence, _bound: float) -> Said:
    """Ask whether each new session subscribed."""
    wanted = evidence.subject.command_filter
    fresh = [one for one in evidence.story.attempts if _is_fresh(one)]
    done = [one for one in fresh if _is_subscribed(one, wanted)]
    if not fresh:
        return Said(_UNSEEN, "it was never connected for long enough")
    text = f"{len(done)} of {len(fresh)} new sessions subscribed to {wanted}"
    judgement = _PASS if len(done) == len(fresh) else _FAIL
    return Said(judgement, text, float(len(fresh) - len(done)))


def grows(evidence: Evidence, bound: float) -> Said:
    """Compare the first wait with the longest."""
    rounds = [one.gaps_s for one in evidence.story.refusals]
    rounds = [gaps for gaps in rounds if len(gaps) >= _GAPS_MIN]
    if not rounds:
        return Said(_UNSEEN, "too few attempts while it was refused")
    first = max(gaps[0] for gaps in rounds)
    longest = max(gap for gaps in rounds for gap in gaps)
    growth = longest / max(first, _FIRST_GAP_S_MIN)
    text = f"first wait {first:.1f} s, longest {longest:.1f} s: {_listed(rounds)}"
    return Said(_PASS if growth >= bound else _FAIL, text, growth)


def jitter(evidence: Evidence, bound: float) -> Said:
    """Compare the waits of two refusals, rank by rank."""
    rounds = [one.waits_s for one in evidence.story.refusals]
    pairs = [
        (one[rank], other[rank])
        for one, other in combinations(rounds, 2)
        for rank in range(min(len(one), len(other)))
    ]
    if len(pairs) < _PAIRS_MIN:
        return Said(_UNSEEN, "too few waits to compare two refusals")
    same = sum(abs(a - b) <= max(_SAME_S, _SAME_RATIO * max(a, b)) for a, b in pairs)
    share = same / len(pairs)
    text = f"{same} of {len(pairs)} waits were the same each time: {_listed(rounds)}"
    return Said(_PASS if share <= bound else _FAIL, text, share)


def spacing(evidence: Evidence, bound: float) -> Said:
    """Look for CONNECTs that AWS would not take."""
    by_site: dict[str, list[float]] = {}
    for one in evidence.story.attempts:
        if one.connect is not None:
            by_site.setdefault(one.site, []).append(one.connect.at_s)
    gaps = [b - a for times in by_site.values() for a, b in pairwise(sorted(times))]
    if not gaps:
        return Said(_UNSEEN, "it connected once to a Region, or never")
    close = sum(gap < bound - _SPACING_SLACK_S for gap in gaps)
    text = f"{len(gaps)} waits between CONNECTs, the shortest {min(gaps):.2f} s"
    if close:
        text += f", {close} shorter than AWS takes"
    return Said(_FAIL if close else _PASS, text, min(gaps))


def inactive(evidence: Evidence, bound: float) -> Said:
    """Ask whether it tried on, and how fast it was back."""
    refusals = evidence.story.refusals
    if not refusals:
        return Said(_UNSEEN, "its certificate was not made INACTIVE")
    tries = sum(len(one.attempts) for one in refusals)
    if not all(one.attempts for one in refusals):
        return Said(_FAIL, "it stopped trying while its certificate was INACTIVE")
    if any(one.back_at_s is None for one in refusals):
        limit_s = evidence.subject.limit_s
        return Said(_FAIL, f"not back {limit_s:.0f} s after it was ACTIVE again")
    slowest = max((one.back_at_s or 0.0) - one.end_s for one in refusals)
    text = f"{tries} attempts meanwhile; back {slowest:.1f} s after it was ACTIVE"
    return Said(_PASS if slowest <= bound else _FAIL, text, slowest)


def notices(evidence: Evidence, bound: float) -> Said:
    """Measure how long it stayed with a silent Region."""
    episode = _episode(evidence, "freeze")
    if episode is None:
        return Said(_UNSEEN, "no Region was frozen")
    if episode.left_at_s is None:
        waited_s = episode.end_s - episode.at_s
        return Said(_FAIL, f"it had not noticed after {waited_s:.0f} s", waited_s)
    took_s = episode.left_at_s - episode.at_s
    text = f"it tried anew {took_s:.1f} s after the Region fell silent"
    return Said(_PASS if took_s <= bound else _FAIL, text, took_s)


def follows_dns(evidence: Evidence, bound: float) -> Said:
    """Measure how long after DNS it came to the other Region."""
    delays, early, unmoved = [], 0, 0
    for episode in evidence.story.episodes:
        switched_at_s = episode.switched_at_s
        if not episode.elsewhere and episode.restored_at_s is not None:
            early += 1
        elif not episode.elsewhere:
            # Who has not even noticed has no reason to ask again.
            unmoved += episode.left_at_s is not None or episode.kind == "kill"
        elif switched_at_s is None or episode.elsewhere[0].at_s <= switched_at_s:
            early += 1
        else:
            delays.append(episode.elsewhere[0].at_s - switched_at_s)
    if unmoved:
        return Said(_FAIL, f"{unmoved} times it never came to the Region that lives")
    if delays:
        stale = sum(_stale_dials(evidence, one) for one in evidence.story.episodes)
        text = (
            f"{max(delays):.1f} s after DNS had changed it came to the other Region;"
            f" {stale} attempts at the frozen one after the TTL"
        )
        return Said(_PASS if max(delays) <= bound else _FAIL, text, max(delays))
    if early:
        return Said(_PASS, "it left before DNS had changed, over the own names", 0.0)
    return Said(_UNSEEN, "it did not leave")


def few_attempts(evidence: Evidence, bound: float) -> Said:
    """Count CONNECTs until it was let in."""
    moved = [one for one in evidence.story.episodes if one.elsewhere]
    if not moved:
        return Said(_UNSEEN, "it made no attempt at the other Region")
    most = max(one.connects for one in moved)
    text = ", ".join(f"{one.connects} after the {one.kind}" for one in moved)
    frozen = sum(len(one.dials) for one in moved)
    text = f"CONNECTs until it was let in: {text}; {frozen} at the frozen Region"
    return Said(_PASS if most <= bound else _FAIL, text, float(most))


def recovery(kind: str, evidence: Evidence, bound: float) -> Said:
    """Measure from the loss of a Region to the first PUBACK elsewhere."""
    episode = _episode(evidence, kind)
    if episode is None:
        return Said(_UNSEEN, f"there was no {kind}")
    waited_s = episode.end_s - episode.at_s
    if episode.restored_at_s is None:
        text = f"no message was acknowledged elsewhere within {waited_s:.0f} s"
        return Said(_FAIL, text, waited_s)
    took_s = episode.restored_at_s - episode.at_s
    text = f"the other Region acknowledged its first message after {took_s:.1f} s"
    return Said(_PASS if took_s <= bound else _FAIL, text, took_s)


def no_loss(evidence: Evidence, _bound: float) -> Said:
    """Look for acknowledged messages in the surviving store."""
    acknowledged = {m.key for one in _acknowledged(evidence) for m in one.messages}
    if evidence.kept is None or not acknowledged:
        return Said(_UNSEEN, "the stores were not compared")
    held = {one.epoch: one.held for one in evidence.kept}
    lost = sum(key.seq not in held.get(key.epoch, Intervals()) for key in acknowledged)
    text = (
        f"{lost} of {len(acknowledged)} acknowledged messages are not in the"
        " Region that lives"
    )
    return Said(_FAIL if lost else _PASS, text, float(lost))


def gapless(evidence: Evidence, _bound: float) -> Said:
    """Look for holes in what the surviving store holds."""
    if not evidence.kept:
        return Said(_UNSEEN, "the Region that lives holds nothing of it")
    acknowledged = {m.key for one in _acknowledged(evidence) for m in one.messages}
    missing = 0
    for one in evidence.kept:
        first, last = one.held.pairs[0][0], one.held.pairs[-1][1]
        holes = Intervals(((first, last),)).difference(one.held)
        # What was acknowledged and is missing is the business of no-loss.
        missing += sum(Key(one.epoch, seq) not in acknowledged for seq in holes)
    text = (
        f"{missing} numbers between its first and last message were never acknowledged"
        " and are missing"
    )
    return Said(_FAIL if missing else _PASS, text, float(missing))


def no_duplicate(evidence: Evidence, _bound: float) -> Said:
    """Look for keys with two messages, and messages with two keys."""
    sent = [m for one in _published(evidence) for m in one.messages]
    if not sent:
        return Said(_UNSEEN, "no telemetry message was seen")
    keys: dict[tuple[int, int], set[str]] = {}
    digests: dict[str, set[tuple[int, int]]] = {}
    for one in sent:
        keys.setdefault((one.epoch, one.seq), set()).add(one.digest)
        digests.setdefault(one.digest, set()).add((one.epoch, one.seq))
    reused = sum(len(found) > 1 for found in keys.values())
    doubled = sum(len(found) > 1 for found in digests.values())
    again = len(sent) - len(set(sent))
    text = f"{len(keys)} messages, {again} sent again under their key (harmless)"
    if reused:
        text += f"; {reused} keys were used for two messages"
    if doubled:
        text += f"; {doubled} messages came under two keys"
    bad = reused + doubled
    return Said(_FAIL if bad else _PASS, text, float(bad))


def _acknowledged(evidence: Evidence) -> Iterator[Acknowledged]:
    yield from (one for one in evidence.story.seen if isinstance(one, Acknowledged))


def _published(evidence: Evidence) -> tuple[Published, ...]:
    return tuple(one for one in evidence.story.seen if isinstance(one, Published))


def _episode(evidence: Evidence, kind: str) -> Episode | None:
    return next((one for one in evidence.story.episodes if one.kind == kind), None)


def _is_fresh(attempt: Attempt) -> bool:
    """Whether a session began empty, and lasted long enough to subscribe."""
    at_s, answered = attempt.accepted_at_s, attempt.answered
    if at_s is None or answered is None or answered.is_session_present:
        return False
    return attempt.closed_at_s is None or attempt.closed_at_s - at_s > _SUBSCRIBE_S_MAX


def _is_subscribed(attempt: Attempt, wanted: str) -> bool:
    limit_s = (attempt.accepted_at_s or 0.0) + _SUBSCRIBE_S_MAX
    prefix = wanted.removesuffix("#")
    return any(
        one.at_s <= limit_s and any(item.startswith(prefix) for item in one.filters)
        for one in attempt.subscribed
    )


def _stale_dials(evidence: Evidence, episode: Episode) -> int:
    if episode.switched_at_s is None:
        return 0
    stale_from_s = episode.switched_at_s + evidence.subject.ttl_s
    return sum(at_s > stale_from_s for at_s in episode.dials)


def _listed(rounds: Sequence[Sequence[float]]) -> str:
    return "; ".join(", ".join(f"{gap:.1f}" for gap in gaps) for gaps in rounds)
