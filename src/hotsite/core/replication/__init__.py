"""Decide which calls make IoT Core of one Region equal to one record.

Pure: the record and what this Region has applied before go in, an ordered plan
comes out. Level, not edge: the plan depends on what is wished and what is
there, never on which event woke us, so duplicates, reordering and coalesced
writes are harmless by construction.
"""

from hotsite.core.replication.planning import needs, plan
from hotsite.core.replication.present import NOTHING, Present, narrowed
from hotsite.core.replication.steps import Plan, Step, Verb

__all__ = ["NOTHING", "Plan", "Present", "Step", "Verb", "narrowed", "needs", "plan"]
