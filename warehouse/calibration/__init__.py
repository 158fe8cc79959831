"""Estimators over ratings: rows read from the warehouse, result tables written back."""
