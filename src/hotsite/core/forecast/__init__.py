"""What the loss of a Region would cost a fleet, computed beforehand.

``plan`` says what is assumed, ``simulate`` plays it, ``forecast`` sums up, and
``advice`` plays it again with one thing changed. Nothing here is sampled: the fleet is
a distribution over time, so ten million devices cost what fifty do, and the same plan
gives the same figures.

This is the one room of the core that uses NumPy (docs/adr/0011-forecast.md). Nothing
that a device or a Lambda imports may import it.
"""
