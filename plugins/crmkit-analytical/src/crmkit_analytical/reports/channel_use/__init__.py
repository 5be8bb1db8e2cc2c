"""Where customers are met, and where they answer: contacts by the sort of customer and by channel."""
