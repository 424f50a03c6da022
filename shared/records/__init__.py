"""Records of the CRM: what we keep of them, and whether mail to them may be followed (rule F5)."""
