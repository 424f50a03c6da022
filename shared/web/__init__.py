"""What every HTTP function of the API needs: reading a request, answering it, saying what is
wrong."""
