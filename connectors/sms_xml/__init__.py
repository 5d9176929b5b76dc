"""Text messages as SMS Backup & Restore writes them: one XML file a backup, everything in it.

sieve      bytes lose every attribute but the allowed ones, before any parser
messages   elements become texts: when, which way, between which numbers, each spelled in one way
source     the connector
"""
