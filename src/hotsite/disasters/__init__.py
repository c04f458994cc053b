"""Seeded disasters: the flows, run against two simulated Regions until they break.

``sim`` has the simulated parts; here is what happens to them, what must hold
whatever happens, and how a failure is told.
"""
