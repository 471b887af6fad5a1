"""`make edge-demo`: one hub, devices that speak their own protocols, a day with a price peak, a lost cloud and a lost grid."""
