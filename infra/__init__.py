"""What is deployed to Azure: Bicep, and what it cannot do by itself."""
