"""Named, bounded checks that the cloud may ask for; there is no other way to look into a hub, and no shell."""
