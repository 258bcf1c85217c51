"""What a forked command finds loaded, and the routes of the administration API, which are the same for every one."""

import alembic.command
import alembic.config

from keywright.cli import program
from keywright.control import app
from keywright.house import control, house, view

__all__ = ["alembic", "app", "control", "house", "program", "view"]

app.build()
