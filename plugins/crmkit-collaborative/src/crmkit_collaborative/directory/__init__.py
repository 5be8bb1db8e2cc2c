"""Who works where: departments, branches, teams, members."""
