"""Who is told what, and when: the state of every alarm, the messages about it, and their delivery."""
