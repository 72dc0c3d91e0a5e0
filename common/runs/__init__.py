"""One experiment from clips to record: jobs, the runner, evaluation, records, estimates, predictions."""
