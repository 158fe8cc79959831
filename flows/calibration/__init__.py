"""Calibration: sample rollouts, have people rate them, hold judges against what people say, decide whom to trust."""
