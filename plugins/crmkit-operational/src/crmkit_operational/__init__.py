"""Sales and service that run themselves: three plugins of one distribution, each usable without the others.

`crmkit_operational.sales`, `.service` and `.automation` are the entry modules; `clock` and `routing` are rooms of
service.
"""

__version__ = "0.1.0"
