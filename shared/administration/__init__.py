"""What an organization decides for itself, and whether the service is up."""
