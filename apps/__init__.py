"""Django: persistence, tenancy, HTTP, tasks. One app a room; lower ones never import higher ones."""
