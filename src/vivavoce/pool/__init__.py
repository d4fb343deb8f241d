"""Who may be answered when: slots, the queue in front of them, leases."""
