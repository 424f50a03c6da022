"""When: the times of recipients and of what is sent to them."""
