from hotsite.errors import UnreachableError
from hotsite.flows.health import Patience, check, serve
from hotsite.sim.clock import SimClock
from hotsite.sim.tables import SimHealthVerdicts


class Path:
    """A way through a site that takes a while, or fails."""

    def __init__(self, clock, takes_s=0.0, error=None):
        self.clock, self.takes_s, self.error = clock, takes_s, error

    def send(self):
        if self.error:
            raise self.error
        self.sent_s = self.clock.now_s()
        return "key"

    def has_arrived(self, key):
        assert key == "key"
        return self.clock.now_s() - self.sent_s >= self.takes_s


def run(takes_s=0.0, error=None):
    clock, verdicts = SimClock(), SimHealthVerdicts()
    verdict = check(Path(clock, takes_s, error), verdicts, clock, Patience())
    return verdict, verdicts, clock


def test_message_that_comes_through_is_healthy_and_timed():
    verdict, verdicts, clock = run(takes_s=1.0)
    assert verdict.is_healthy
    assert 1.0 <= verdict.took_s < 1.3
    assert serve(verdicts, clock, Patience()).status_code == 200


def test_message_that_never_arrives_is_unhealthy():
    verdict, verdicts, clock = run(takes_s=99.0)
    assert (verdict.is_healthy, verdict.took_s) == (False, None)
    assert serve(verdicts, clock, Patience()).reason == "not stored within 4 s"


def test_broker_that_refuses_is_unhealthy_with_its_reason():
    verdict, _, _ = run(error=UnreachableError("no PUBACK"))
    assert (verdict.is_healthy, verdict.reason) == (False, "no PUBACK")


def test_verdict_that_cannot_be_read_is_unhealthy():
    _, verdicts, clock = run()
    verdicts.is_reachable = False
    assert serve(verdicts, clock, Patience()).status_code == 503


def test_dead_canary_grows_stale_and_stale_is_unhealthy():
    _, verdicts, clock = run()
    clock.sleep(91)
    assert serve(verdicts, clock, Patience()).status_code == 503
