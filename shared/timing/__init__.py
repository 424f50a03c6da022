"""When: local times and their instants, and the best time for a recipient."""
