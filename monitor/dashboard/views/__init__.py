"""The pages themselves; each view says who may open it.

door       in and out      me         the weekly report, for the therapist alone
check_in   how somebody feels, by their own word
practice   the caseload    help_page  what each number means
"""
