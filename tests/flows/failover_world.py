"""Two simulated sites with guards and a fleet, and operators of flesh and blood."""

from hotsite.core.epoch import SITES
from hotsite.core.operations import Kind, Pause
from hotsite.core.preflight import Fleet, Limits
from hotsite.core.standing import FencePolicy
from hotsite.disasters.failover.estate import Estate
from hotsite.disasters.failover.network import FORCED, OUTSIDE
from hotsite.disasters.failover.plan import Plan
from hotsite.flows.failover import Request, operate
from hotsite.sim.scheduler import Worker

THINGS = tuple(f"d{number}" for number in range(6))
STEADY_S = 60.0


class World:
    """An estate that has come up, and what operators do in it."""

    def __init__(self, *, connects_per_s=100.0, dwell_s=60.0, seed=0, sites=SITES):
        fence = FencePolicy(dwell_s=dwell_s)
        fleet = Fleet(len(THINGS), connects_per_s=connects_per_s)
        self.limits = Limits(fence, fleet, lag_wait_s_max=20.0)
        self.estate = Estate(seed, Plan(THINGS, self.limits, sites))
        self.estate.scheduler.run(STEADY_S + dwell_s)

    def run(self, duration_s):
        self.estate.scheduler.run(duration_s)

    def start(self, job, *, calls_left=-1, name="operator"):
        """Let an operator do something; what it ends with comes into the list."""
        ends = []
        worker = Worker(name, OUTSIDE, job, calls_left=calls_left, on_end=ends.append)
        self.estate.scheduler.start(worker)
        return ends

    def do(self, job, *, within_s=400.0, **how):
        """Let an operator do something, to its end; return the error, if any."""
        ends = self.start(job, **how)
        self.run(within_s)
        (error,) = ends
        return error

    def operate(self, kind, target, *, because=None, **how):
        """Let an operator carry out a request."""
        request = Request(kind, target, because)
        control = self.estate.control()
        if kind is Kind.FORCED:
            how["name"] = FORCED + " ".join(self.estate.others(target))
        return self.do(lambda: operate(request, control), **how)

    def pause(self):
        """Keep guards from doing anything, in both Regions."""
        for site in self.estate.sites.values():
            before = site.operations.peek().items.get("pause")
            pause = Pause(is_paused=True, reason="a test")
            if before != pause:
                site.operations.write(pause, previous=before)
        self.run(5.0)

    def book(self, letter):
        return self.estate.sites[letter].operations.peek()

    def state(self):
        """Return what must be the same however often an operator was killed."""
        books = [self.book(letter) for letter in self.estate.plan.sites]
        newest = max((book.newest for book in books), key=lambda one: one.number)
        ended = [book.operation(newest.active) for book in books]
        return (
            [book.newest.number for book in books],
            [one.step if one else None for one in ended],
            self.estate.names.leads_to(),
            {device.site for device in self.estate.fleet.devices.values()},
        )

    def book_lines(self, letter):
        return self.estate.sites[letter].operations.entries()
