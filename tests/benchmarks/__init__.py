"""`python -m tests.benchmarks NAME …` prints one JSON line a benchmark."""
