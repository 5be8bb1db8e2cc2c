"""What people type and see: the commands of the plugin."""
