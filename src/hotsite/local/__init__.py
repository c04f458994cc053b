"""The two-Region cloud on this machine: real processes, real sockets."""
