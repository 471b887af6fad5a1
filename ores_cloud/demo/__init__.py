"""`make demo`: a small fleet lives a day, from first start of its hubs to the payment."""
