"""What the exports of other CRMs look like."""
