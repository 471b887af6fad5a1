"""What each enrolled home can give, and the baseline it is measured against."""
