"""The pages themselves; each view says who may open it.

door       in and out      me         the weekly report, for the therapist alone
patterns   every notice there was
clients    who is behind a code        agreements  what was agreed with whom
accounts   what may be read of one's own accounts
check_in   how somebody feels, by their own word
practice   the caseload    help_page  what each number means
"""
