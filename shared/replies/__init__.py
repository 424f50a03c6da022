"""What comes back to a seller's mailbox: replies, automatic answers, bounces (rule T7)."""
