"""Seeded disasters of a fleet's telemetry: what is acknowledged must be there.

The devices are hotsite's own state machines on simulated disks, lines and Regions
(``sim/fleet``); here is what happens to them, and what must hold whatever happens.
"""
