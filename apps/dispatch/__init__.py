"""Plans, schedules, tracking, explanations."""
