"""What the exports of other products say of sales and service, for the exchange plugin."""
