"""What sales and service have in the company of `crm demo`: one module for each plugin's share."""
