"""When things happen: local times and their instants, and when a message is to be sent."""
