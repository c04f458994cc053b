"""Every port in memory, on a virtual clock, with faults from one seed."""
