"""Sites, grid connection points, resources, grid areas, and who lives there."""
