"""The platform's own answers to the reports that events ask for."""
