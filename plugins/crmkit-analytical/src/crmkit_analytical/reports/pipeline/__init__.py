"""How deals move through pipelines, and what they bring."""
