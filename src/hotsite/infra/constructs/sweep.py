"""The table against the registry, bit by bit, for ever: the net below events."""

from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.clock import Beat, run_regularly
from hotsite.infra.constructs.functions import Job, SiteFunction
from hotsite.infra.inputs import ReplicationInputs

# A worker's lease on a name outlives every function that may hold it, so none
# may run longer than this (``flows/replication.py``, WORKER_S_MAX).
_LIMIT_S = 60


class Sweep(Construct):
    """The function and its clock; it goes on where it stopped."""

    def __init__(self, scope: Construct, inputs: ReplicationInputs) -> None:
        super().__init__(scope, "Sweep")
        job = Job(
            "sweeper",
            permissions.sweeper(inputs),
            limit_s=_LIMIT_S,
            memory_mb=512,
            # EventBridge may deliver an event twice (user guide, "Event retry
            # policy"), and two sweeps would only fight for the same names.
            concurrency_max=1,
        )
        function = SiteFunction(self, job, inputs)
        # The next run goes on where a late one would have begun.
        run_regularly(self, "Clock", function, Beat("5 minutes"))
        self.function = function.name
