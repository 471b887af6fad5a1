"""What homes can give, as bounds on power and energy."""
