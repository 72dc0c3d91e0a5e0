"""What the benchmark `training.py` is made of: networks, multiplications, timed steps, and the table in the README."""
