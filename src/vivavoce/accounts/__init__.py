"""Who people are and what they may: users, sign-ins, tokens, roles, and the audit of what was done."""
