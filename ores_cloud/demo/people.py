"""Who can sign in to the demo. Printed for the person who looks; the database is thrown away."""

PASSWORD = "sunny-day-demo"  # noqa: S105
OPERATOR = "operator@demo.example"
