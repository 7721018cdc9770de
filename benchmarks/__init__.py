"""The budgets of the design, each measured against something in the same run."""
