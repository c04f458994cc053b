"""One AWS Region of the local cloud, as one process of its own.

It launches ministack with our corrections (`patches`), terminates MQTT and
HTTPS under the owner's names (`mqtt`, `web`) and offers the hook another process
needs to replicate global tables (`changes`, `tables`). It decides nothing about
failover and never talks to another Region.
"""
