"""Flows that run on a schedule, by an event or at a press of a button, with nobody watching."""
