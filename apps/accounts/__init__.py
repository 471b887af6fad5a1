"""Organizations, users, memberships, roles, API clients, audit log."""
