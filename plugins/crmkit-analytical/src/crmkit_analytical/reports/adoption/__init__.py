"""Who works with the CRM, of those who should, and who never did."""
