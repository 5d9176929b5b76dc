"""Text messages as SMS Backup & Restore writes them: one XML file for each backup, with all messages in it.

filter     removal of all attributes but the allowed ones, before any parser
messages   elements become text messages: time, direction, numbers
source     the connector
"""
