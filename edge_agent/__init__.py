"""The hub: what runs in a home. Reads its devices, decides locally, stores, and forwards to the cloud."""

VERSION = "0.1.0"
