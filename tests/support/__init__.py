"""What several groups of tests share: recorded answers, and how to judge new ones."""
