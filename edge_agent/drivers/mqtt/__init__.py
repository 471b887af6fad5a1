"""Smart plugs and meters by the conventions of Tasmota and Shelly."""
