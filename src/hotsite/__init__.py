"""A second, live AWS Region for an IoT fleet, and a drill that proves it."""
