"""Tables and charts of an answer, drawn without a network."""
