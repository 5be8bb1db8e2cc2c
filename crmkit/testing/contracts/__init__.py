"""The parts of the storage contract."""
