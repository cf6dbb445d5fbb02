"""Load: many simulated calls at once, measured where the caller hears."""
