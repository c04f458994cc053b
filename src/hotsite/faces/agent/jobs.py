"""The device's half of AWS IoT Jobs, beside its telemetry on the same connection."""

import asyncio

from hotsite.core import jobs
from hotsite.core.device_values import Delivered, Joined, Output
from hotsite.core.jobs import Execution, Report
from hotsite.faces.agent.driver import Driver

_ASK = b'{"includeJobDocument":true}'


class Desk:
    """Hears of jobs, and tells what came of them.

    Attributes:
        rung: Set while there is a job that nobody has looked at.
    """

    def __init__(self, thing: str) -> None:
        """Take the device's name."""
        self.rung = asyncio.Event()
        self._thing = thing
        self._execution: Execution | None = None
        self._driver: Driver | None = None

    def use(self, driver: Driver) -> None:
        """Take the device of this life; what was heard before is heard again."""
        self._driver = driver
        self._execution = None
        self.rung.clear()

    def hear(self, output: Output) -> None:
        """Note what a device's output says about jobs."""
        match output:
            case Joined():
                # Jobs are the Region's own: each connection asks anew. Not before the
                # subscription was sent, which is in the same moment: the answer comes
                # to those who listen.
                asyncio.get_running_loop().call_soon(self.ask)
            case Delivered(publish):
                found = jobs.decode(self._thing, publish.topic, publish.payload)
                if found is not None:
                    self._execution = found
                    self.rung.set()

    def ask(self) -> None:
        """Ask for the next job; the answer comes as a message."""
        self._say(jobs.ask_topic(self._thing), _ASK)

    def take(self) -> Execution | None:
        """Return the job that is to be looked at."""
        self.rung.clear()
        return self._execution

    def report(self, execution: Execution, report: Report) -> None:
        """Tell the Region; what is lost is told again after the next connection."""
        self._say(jobs.report_topic(self._thing, execution.job_id), report.payload())
        self._execution = None

    def _say(self, topic: str, payload: bytes) -> None:
        if self._driver is not None:
            self._driver.say(topic, payload)
