"""What load, PV and prices will be, with how sure, and as known at one instant; one method a file."""
