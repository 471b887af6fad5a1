"""The cloud as energy manager of homes without a hub: resource managers speak S2 to `/s2/`."""
