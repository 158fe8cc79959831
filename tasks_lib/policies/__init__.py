"""Who attempts an instance: models, simulated policies, probes, ladders, the oracle, recorded outputs."""
