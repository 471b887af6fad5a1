"""The ORES endpoints: wire types, what they are answered with, and their description; without I/O.

`answer` turns a request into an answer about one `Home`; the cloud and a hub's local server each bring a `Home`.
"""
