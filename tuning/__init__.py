"""Hyperparameter searches for any study: Hyperband and grid search."""
