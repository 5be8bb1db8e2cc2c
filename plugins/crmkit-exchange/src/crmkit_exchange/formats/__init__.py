"""Reading files: what format, which encoding, and the items in them."""
