"""The home's energy manager: what every resource can do, in kW, and how it is told, in S2's words."""
