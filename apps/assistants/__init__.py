"""Voice assistants and shortcuts: a door each, to the homes that a person lets them see."""
