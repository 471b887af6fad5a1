"""Settings: `base` reads everything from the environment, `test` narrows it for pytest."""
