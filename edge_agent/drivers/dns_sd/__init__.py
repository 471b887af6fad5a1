"""S2 resource managers that announce themselves in the home's network."""
