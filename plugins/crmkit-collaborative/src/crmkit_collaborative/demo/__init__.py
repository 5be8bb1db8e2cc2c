"""The plugin's share in the company of `crm demo`: colleagues, what customers asked for, and who is there twice."""
