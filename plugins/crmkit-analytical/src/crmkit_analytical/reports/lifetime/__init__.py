"""What customers are worth: how recently, how often and for how much they bought, and what that lets one expect."""
