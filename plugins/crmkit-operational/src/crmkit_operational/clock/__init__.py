"""The one clock: business calendars, and time that passes only while they are open."""
