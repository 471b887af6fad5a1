"""SunSpec over Modbus TCP: inverters, batteries, meters."""
