"""Everything out, and everything back in without a loss."""
