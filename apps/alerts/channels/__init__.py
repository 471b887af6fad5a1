"""One file for each way a message leaves the platform; each has `send(delivery=…, words=…)`, which raises `DeliveryError`."""
