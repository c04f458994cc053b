"""A fleet and what is around it, in virtual time: disks, lines, names, brokers, tables.

The devices are hotsite's own state machines; everything they touch is simulated,
and can be broken. Nothing here decides what breaks.
"""
