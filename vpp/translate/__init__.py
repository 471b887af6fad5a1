"""The only place that knows both wire types and domain types."""
