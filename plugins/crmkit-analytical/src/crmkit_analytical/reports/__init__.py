"""The reports that the plugin brings."""
