"""Disasters of deciding: outages, partitions, flaps, and operators who are killed.

The guards and the operators' commands are the flows themselves; Regions, their
tables and Route 53 are simulated.
"""
