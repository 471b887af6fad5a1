"""Who gives what, and whether it is given: fleet allocation, tracking, a signal's life cycle."""
