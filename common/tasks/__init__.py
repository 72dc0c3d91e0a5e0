"""What is predicted: targets, losses, scores with intervals, baselines."""
