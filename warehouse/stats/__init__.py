"""Estimators that SQL cannot say; everything that can be a view is one."""
