"""A home's own optimum: what its battery does at given prices."""
