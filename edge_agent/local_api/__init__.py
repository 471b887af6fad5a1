"""The ORES endpoints on the hub itself, so that an app works in the house without internet."""
