"""The one clock: business calendars, and time that passes only while they are open.

`crmkit_operational.clock.business` has the value, `.reading` makes one of the records.
"""
